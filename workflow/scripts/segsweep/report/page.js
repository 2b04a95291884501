// Tables sort by a click on a heading, figures enlarge, the contents follow the reader. Without it, the page still reads.
(() => {
  const value = (cell) => {
    const text = cell.textContent.trim();
    if (text === "" || text === "–") return null;
    const number = Number(text.replace(/^[<=]\s*/, "").replace(/,/g, "").replace("−", "-").replace(/(%| s| MB)$/, ""));
    return Number.isNaN(number) ? text.toLowerCase() : number;
  };
  const order = (a, b) => {
    if (a === null || b === null) return (a === null) - (b === null) || 0;
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b), "en", { numeric: true });
  };
  document.querySelectorAll("table").forEach((table) => {
    const body = table.tBodies[0];
    if (!body || body.rows.length < 3) return;
    table.querySelectorAll("thead th").forEach((head, index) => {
      head.tabIndex = 0;
      head.title = "Sort";
      const sort = () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        table.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...body.rows].map((row) => [value(row.cells[index]), row]);
        rows.sort(([a], [b]) => (a === null || b === null ? order(a, b) : down ? order(b, a) : order(a, b)));
        body.append(...rows.map(([, row]) => row));
      };
      head.addEventListener("click", sort);
      head.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(); }
      });
    });
  });

  const dialog = document.querySelector("dialog");
  const large = dialog.querySelector("img");
  document.querySelectorAll("figure img").forEach((image) => {
    image.tabIndex = 0;
    const open = () => { large.src = image.src; large.alt = image.alt; dialog.showModal(); };
    image.addEventListener("click", open);
    image.addEventListener("keydown", (event) => { if (event.key === "Enter") open(); });
  });
  dialog.addEventListener("click", () => dialog.close());

  const root = document.documentElement;
  document.querySelector("#theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const headings = [...document.querySelectorAll("main h2[id], main h3[id]")].filter((heading) => links.has(heading.id));
  const follow = () => {
    let here = headings[0];
    for (const heading of headings) if (heading.getBoundingClientRect().top < 120) here = heading;
    links.forEach((link) => link.classList.remove("here"));
    if (here) links.get(here.id).classList.add("here");
  };
  addEventListener("scroll", follow, { passive: true });
  follow();
})();
