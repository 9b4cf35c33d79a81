"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  all("[data-script]").forEach((element) => { element.hidden = false; });

  all("button[data-copy]").forEach((button) => button.addEventListener("click", () => {
    const source = document.getElementById(button.dataset.copy);
    const said = (text) => { button.textContent = text; setTimeout(() => { button.textContent = "Copy"; }, 1600); };
    const select = () => { getSelection().selectAllChildren(source); said("Selected"); };
    if (!navigator.clipboard) { select(); return; }
    navigator.clipboard.writeText(source.textContent).then(() => said("Copied"), select);
  }));

  const input = document.getElementById("filter");
  if (input) input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    const rows = all("#scorecard-table tbody tr");
    rows.forEach((row) => { row.hidden = !row.textContent.toLowerCase().includes(wanted); });
    const left = rows.filter((row) => !row.hidden).length;
    document.getElementById("filter-said").textContent = wanted ? `${left} of ${rows.length} checks` : "";
  });

  all("th[data-sort]").forEach((head) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const direction = head.getAttribute("aria-sort") === "descending" ? 1 : -1;
      all("th[aria-sort]", head.parentNode).forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", direction < 0 ? "descending" : "ascending");
      const body = head.closest("table").tBodies[0];
      const key = (row) => Number(row.dataset[head.dataset.sort]);
      [...body.rows].sort((a, b) => direction * (key(a) - key(b))).forEach((row) => body.append(row));
    });
  });

  const open = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    for (let fold = target && target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", open);
  if (location.hash) open();

  let folded = [];
  addEventListener("beforeprint", () => {
    folded = all("details:not([open])");
    folded.forEach((fold) => { fold.open = true; });
  });
  addEventListener("afterprint", () => folded.forEach((fold) => { fold.open = false; }));
})();
