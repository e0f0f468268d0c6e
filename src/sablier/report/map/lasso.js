// Several images at once: those inside a drawn line, or all in sight; their names as a CSV file.
const MOST_THUMBNAILS = 60;

function inside(path, x, y) {
  let within = false;
  for (let a = 0, b = path.length - 1; a < path.length; b = a++) {
    const [ax, ay] = path[a], [bx, by] = path[b];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) within = !within;
  }
  return within;
}

function chooseInside(path) {
  const found = [];
  if (path.length > 2)
    for (let i = 0; i < count; i++) if (isPicked(i) && inside(path, pointsX[i], pointsY[i])) found.push(i);
  choose(found);
}

function chooseInSight() {
  const found = [];
  for (let i = 0; i < count; i++) {
    const x = screenX(pointsX[i]), y = screenY(pointsY[i]);
    if (x >= 0 && y >= 0 && x <= camera.width && y <= camera.height && isPicked(i)) found.push(i);
  }
  choose(found);
}

function choose(found) {
  state.chosen = new Set(found);
  placedAt = "";
  const part = element("chosen");
  part.replaceChildren();
  element("empty").hidden = found.length > 0 || state.opened >= 0;
  if (found.length) {
    const clear = make("button", { type: "button", textContent: "✕" });
    clear.setAttribute("aria-label", "Clear the selection");
    clear.addEventListener("click", () => choose([]));
    const heading = make("h2", { textContent: `${found.length.toLocaleString("en")} ${found.length === 1 ? "image" : "images"} selected` });
    const save = make("button", { type: "button", textContent: "Save names as CSV", id: "save" });
    save.addEventListener("click", () => saveCsv(found));
    const actions = make("div", { className: "actions" }, save);
    part.append(make("div", { className: "head" }, heading, clear), actions);
    if (column?.kind === "category") part.append(shares(found));
    const list = make("ol", { className: "near" });
    for (const i of found.slice(0, MOST_THUMBNAILS)) list.append(thumbnail(i, [data.ids[i]], spoken(i)));
    part.append(make("h3", { textContent: found.length > MOST_THUMBNAILS ? `The first ${MOST_THUMBNAILS}` : "All of them" }), list);
  }
  said.textContent = found.length ? `${found.length} images selected.` : "No image is selected.";
  redraw();
}

function shares(found) {
  const counts = new Map(), facts = make("dl");
  for (const i of found) counts.set(column.values[i], (counts.get(column.values[i]) ?? 0) + 1);
  for (const [value, number] of [...counts].sort((a, b) => b[1] - a[1]).slice(0, 12))
    facts.append(make("dt", { textContent: column.names[value] }), make("dd", { textContent: number.toLocaleString("en") }));
  return facts;
}

// As in sablier/files/cells.py: text that a spreadsheet would take for a formula gets an apostrophe in front.
const formula = /^(?:'*[=+\-@])/, number = /^(?:[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)$/;
const safe = (text) => (formula.test(text) && !number.test(text) ? `'${text}` : text);
const cell = (text) => (/[",\r\n]/.test(text) ? `"${safe(text).replaceAll('"', '""')}"` : safe(text));

function csvOf(found) {
  const { low, high } = data.places, header = ["id", "x", "y", ...columns.map((each) => each.name)];
  const rows = found.map((i) => [
    data.ids[i],
    (low[0] + pointsX[i] * (high[0] - low[0])).toPrecision(6),
    (high[1] - pointsY[i] * (high[1] - low[1])).toPrecision(6),
    ...columns.map((each) => (each.kind === "number" ? String(each.values[i]) : each.names[each.values[i]])),
  ]);
  return [header, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

function saveCsv(found) {
  const link = make("a", { href: URL.createObjectURL(new Blob([csvOf(found)], { type: "text/csv" })), download: "chosen.csv" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
