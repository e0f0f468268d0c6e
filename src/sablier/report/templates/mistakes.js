// Filters the table and the cards, and sorts the table.
const element = (id) => document.getElementById(id);
const rows = [...document.querySelectorAll("#listed tbody tr")];
const cards = [...document.querySelectorAll("#worst .card")];

function narrow() {
  const label = element("label").value, seen = element("seen").value;
  const words = element("search").value.trim().toLowerCase(), suspected = element("suspected").checked;
  const fits = (item) => (label === "" || item.dataset.label === label) && (seen === "" || item.dataset.seen === seen)
    && (!suspected || item.dataset.suspected === "yes") && item.dataset.id.toLowerCase().includes(words);
  for (const item of [...rows, ...cards]) item.hidden = !fits(item);
  const shown = rows.filter((row) => !row.hidden).length, pictured = cards.filter((card) => !card.hidden).length;
  element("count").textContent = `${shown} of ${rows.length} rows`;
  element("nothing").hidden = shown > 0;
  element("no-pictures").hidden = pictured > 0;
}

function sortBy(heading) {
  const column = [...heading.parentElement.children].indexOf(heading);
  const falling = heading.getAttribute("aria-sort") === "ascending";
  const number = heading.classList.contains("number");
  const value = (row) => row.children[column].dataset.value ?? row.children[column].textContent.trim();
  const order = (a, b) => (number ? Number(value(a)) - Number(value(b)) : value(a).localeCompare(value(b), undefined, { numeric: true }));
  rows.sort((a, b) => (falling ? -1 : 1) * order(a, b));
  element("listed").querySelector("tbody").append(...rows);
  for (const other of heading.parentElement.children) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", falling ? "descending" : "ascending");
}

for (const id of ["label", "seen", "suspected", "search"]) element(id).addEventListener("input", narrow);
element("all").addEventListener("click", () => {
  for (const id of ["label", "seen", "search"]) element(id).value = "";
  element("suspected").checked = false;
  narrow();
});
for (const button of document.querySelectorAll("#listed th button")) button.addEventListener("click", () => sortBy(button.parentElement));
for (const button of document.querySelectorAll("[data-pair]")) {
  button.addEventListener("click", () => {
    element("search").value = "";
    element("suspected").checked = false;
    element("label").value = button.dataset.label;
    element("seen").value = button.dataset.seen;
    narrow();
    element("images").scrollIntoView({ behavior: "smooth" });
  });
}
element("filters").hidden = false;
narrow();
