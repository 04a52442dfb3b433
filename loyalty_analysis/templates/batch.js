"use strict";
{
  const table = document.getElementById("group-table");
  const [body] = table.tBodies;
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  const tools = document.getElementById("tools");
  const search = document.getElementById("search");
  const shown = document.getElementById("shown");
  const sorted = document.getElementById("sorted");
  const compare = new Intl.Collator("en", { numeric: true }).compare;

  const key = (row, place) => {
    const cell = row.cells[place];
    return cell.dataset.sort ?? cell.textContent.trim();
  };
  const sort = (place, ascending) => {
    const head = heads[place];
    const numeric = head.classList.contains("number");
    rows.sort((a, b) => {
      const x = key(a, place), y = key(b, place);
      if (x === "" || y === "") return (x === "") - (y === ""); // what is missing stays last
      const order = numeric ? x - y : compare(x, y);
      return ascending ? order : -order;
    });
    body.append(...rows);
    heads.forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const way = numeric ? (ascending ? "smallest" : "largest") : (ascending ? "first" : "last");
    sorted.textContent = `Sorted by ${head.dataset.name}, ${way} ${numeric ? "first" : "in the alphabet on top"}.`;
  };
  heads.forEach((head, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      sort(place, before ? before === "descending" : !head.classList.contains("number"));
    });
  });

  const count = () => {
    const visible = rows.filter(row => !row.hidden).length;
    shown.textContent = `${visible} of ${rows.length} groups shown.`;
  };
  search.addEventListener("input", () => {
    const words = search.value.toLowerCase().split(/\s+/);
    for (const row of rows) {
      const text = row.dataset.text.toLowerCase();
      row.hidden = !words.every(word => text.includes(word));
    }
    count();
  });
  count();
  tools.hidden = false;
}
