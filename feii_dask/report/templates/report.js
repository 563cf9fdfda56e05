// An item of a table is a row, or a group of rows, of which the first has the cells to sort by.
const first = item => item.rows?.[0] ?? item;

function value(item, column) {
  const cell = first(item).cells[column];
  const text = cell.querySelector("data")?.value ?? cell.textContent.trim();
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

const missing = value => value === "nan" || value === "";

function compare(a, b) {
  return typeof a === "number" && typeof b === "number" ? a - b
    : String(a).localeCompare(String(b), "en", { numeric: true });
}

function sortBy(table, header, column) {
  const descending = header.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const items = [...table.querySelectorAll(".item")].map(item => [value(item, column), item]);
  items.sort(([a], [b]) => missing(a) - missing(b) || (missing(a) ? 0 : (descending ? -1 : 1) * compare(a, b)));
  items[0]?.[1].parentNode.append(...items.map(([, item]) => item));
}

function filter(input) {
  const table = document.getElementById(input.getAttribute("aria-controls"));
  const words = input.value.toLowerCase().split(/\s+/);
  const items = [...table.querySelectorAll(".item")];
  for (const item of items) {
    const text = (first(item).textContent + " " + (item.dataset.words ?? "")).toLowerCase();
    item.hidden = !words.every(word => text.includes(word));
  }
  const shown = items.filter(item => !item.hidden).length;
  document.getElementById(input.id + "-count").textContent = `${shown} of ${items.length} shown`;
}

for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((header, column) =>
    header.querySelector("button").addEventListener("click", () => sortBy(table, header, column)));
}
for (const input of document.querySelectorAll(".filter input")) {
  input.addEventListener("input", () => filter(input));
}

// With scripts, the figures of a candidate stay text until it is opened: a hundred thousand elements would be slow.
function unfold(details) {
  const figures = details.querySelector("noscript");
  if (figures) figures.outerHTML = figures.textContent;
}
for (const details of document.querySelectorAll("details")) {
  details.addEventListener("toggle", () => unfold(details), { once: true });
}

// A link of the sky map opens its candidate, even one that the filter hides.
function openTarget() {
  const item = document.getElementById(location.hash.slice(1));
  if (!item?.classList.contains("item")) return;
  item.hidden = false;
  const details = item.querySelector("details");
  if (details) {
    unfold(details);
    details.open = true;
  }
  item.scrollIntoView();
}
addEventListener("hashchange", openTarget);
openTarget();
