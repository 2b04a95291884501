// A page that was opened as a file may start no worker. There the search runs in a hidden frame, which acts as one.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      const frame = document.createElement("iframe")
      frame.hidden = true
      frame.srcdoc = `<script src="${url}"></script>`
      this.scope = new Promise(resolve => frame.addEventListener("load", () => {
        frame.contentWindow.postMessage = data => this.dispatchEvent(new MessageEvent("message", { data }))
        resolve(frame.contentWindow)
      }))
      document.body.append(frame)
    }

    postMessage(data) {
      this.scope.then(scope => scope.dispatchEvent(new MessageEvent("message", { data })))
    }
  }
}
