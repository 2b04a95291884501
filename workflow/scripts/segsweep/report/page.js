// Tables sort by a click on a heading, figures enlarge, the contents follow the reader. Without it, the page still reads.
(() => {
  const value = (cell) => {
    const text = cell.textContent.trim();
    if (text === "" || text === "–") return null;
    const number = Number(text.replace(/^[<>=]\s*/, "").replace(/,/g, "").replace("−", "-").replace(/(%| s| MB)$/, ""));
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

  document.querySelectorAll("code").forEach((code) => {
    const longest = Math.max(...code.textContent.split(" ").map((word) => word.length));
    code.classList.toggle("short", code.textContent.length <= 16);
    code.classList.toggle("long", longest > 24);
  });
  document.querySelectorAll("td > code:only-child").forEach((code) => {
    if (code.textContent.length > 24 && code.textContent.includes(" ")) code.parentElement.classList.add("label");
  });
  const frames = [...document.querySelectorAll(".table")];
  frames.forEach((frame) => {
    const heads = [...frame.querySelectorAll("thead th")].map((head) => head.textContent);
    frame.classList.toggle("many", heads.length > 8);
    frame.querySelectorAll("tbody tr").forEach((row) => {
      [...row.cells].forEach((cell, index) => {
        const content = document.createElement("span");
        content.append(...cell.childNodes);
        cell.append(content);
        cell.dataset.label = heads[index];
      });
    });
  });
  // A table that is wider than the page gets smaller; if that is not enough, its rows become cards.
  const fit = () => frames.forEach((frame) => {
    frame.classList.remove("tight", "cards");
    for (const name of ["tight", "cards"]) if (frame.scrollWidth > frame.clientWidth + 1) frame.classList.add(name);
  });
  let width = 0;
  const refit = () => { if (innerWidth !== width) { width = innerWidth; fit(); } };
  addEventListener("resize", refit, { passive: true });
  refit();
  const contents = document.querySelector("nav details");
  if (matchMedia("(max-width: 60rem)").matches) contents.open = false;

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
