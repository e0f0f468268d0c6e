// What the page holds: numbers, names, and sheets of pictures that are decoded when they are first needed.
const data = JSON.parse(document.getElementById("data").textContent);
const FULL = 65535;
const element = (id) => document.getElementById(id);

function buffer(text) {
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes.buffer;
}

const count = data.count;
const pointsX = new Float32Array(count), pointsY = new Float32Array(count);
{
  const pairs = new Uint16Array(buffer(data.points));
  for (let i = 0; i < count; i++) {
    pointsX[i] = pairs[2 * i] / FULL;
    pointsY[i] = pairs[2 * i + 1] / FULL;
  }
}
const neighbours = new Uint32Array(buffer(data.neighbours));
const distances = new Uint16Array(buffer(data.distances));
const columns = data.columns.map((column) => ({
  ...column,
  values: column.kind === "number" ? new Float32Array(buffer(column.values)) : new Uint8Array(buffer(column.values)),
}));
const far = data.grid && new Uint8Array(buffer(data.grid.far));

// Points are drawn, and pictures placed, in an order that favours no label: the same at every opening.
const order = new Uint32Array(count);
{
  let state = 1;
  for (let i = 0; i < count; i++) order[i] = i;
  for (let i = count - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = Math.floor((state / 4294967296) * (i + 1)), kept = order[i];
    order[i] = order[j];
    order[j] = kept;
  }
}

const loading = {}, bitmaps = {};
function load(name) {
  loading[name] ??= Promise.all(
    [...document.querySelectorAll(`script[id^="sheet-${name}-"]`)].map(async (part) => {
      const image = new Image();
      image.src = `data:${data.sheets[name].type};base64,${part.textContent}`;
      await image.decode();
      part.remove();
      return createImageBitmap(image);
    }),
  ).then((found) => (bitmaps[name] = found));
  return loading[name];
}

// Draw tile `i` of a kind of picture into a rectangle; nothing while its sheet is not there.
function drawTile(context, name, i, x, y, width, height) {
  const sheet = data.sheets[name], size = sheet.columns * sheet.rows;
  const bitmap = bitmaps[name]?.[Math.floor(i / size)];
  if (!bitmap) return;
  const place = i % size;
  context.drawImage(
    bitmap, (place % sheet.columns) * sheet.stepX, Math.floor(place / sheet.columns) * sheet.stepY, sheet.width, sheet.height,
    x, y, width, height,
  );
}

// An empty canvas for one tile, about `longer` pixels on its longer side: a whole number of times the tile.
function blankTile(name, longer) {
  const sheet = data.sheets[name], canvas = document.createElement("canvas");
  const times = Math.max(1, Math.round(longer / Math.max(sheet.width, sheet.height)));
  canvas.width = sheet.width * times;
  canvas.height = sheet.height * times;
  canvas.className = Math.max(sheet.width, sheet.height) > 48 ? "tile smooth" : "tile";
  return canvas;
}

function fillTile(canvas, name, i) {
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = canvas.classList.contains("smooth");
  drawTile(context, name, i, 0, 0, canvas.width, canvas.height);
}

// A canvas that shows one tile as soon as its sheet is there.
function tileCanvas(name, i, longer, description) {
  const canvas = blankTile(name, longer);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", description);
  load(name).then(() => fillTile(canvas, name, i));
  return canvas;
}

const decimals = (value) =>
  value === 0 ? "0" : Math.abs(value) >= 1000 || Math.abs(value) < 0.001 ? value.toExponential(2) : value.toPrecision(3);
const valueText = (column, i) => (column.kind === "number" ? decimals(column.values[i]) : column.names[column.values[i]]);

function make(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}
