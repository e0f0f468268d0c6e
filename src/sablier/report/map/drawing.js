// Two canvases: the map, drawn anew when it moves; and over it what follows the pointer.
const mapCanvas = element("map"), overCanvas = element("over");
const mapContext = mapCanvas.getContext("2d"), overContext = overCanvas.getContext("2d");
const state = { mode: "auto", grid: false, hovered: -1, opened: -1, chosen: new Set(), path: [] };
let lassoing = false;
const FADED = 0.13;
const colourOf = (name) => getComputedStyle(root).getPropertyValue(name).trim();
let waiting = false, pixelRatio = 1;

function resize() {
  const box = element("stage").getBoundingClientRect(), before = wholeZoom();
  pixelRatio = Math.min(devicePixelRatio || 1, 2);
  camera.width = Math.max(1, box.width);
  camera.height = Math.max(1, box.height);
  for (const canvas of [mapCanvas, overCanvas]) {
    canvas.width = Math.round(camera.width * pixelRatio);
    canvas.height = Math.round(camera.height * pixelRatio);
  }
  camera.zoom = before > 1 ? (camera.zoom * wholeZoom()) / before : wholeZoom();
  redraw();
}

function redraw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    drawMap();
    drawOver();
  });
}

const pointRadius = () => Math.min(5.5, Math.max(2, 0.22 * apart()));
const stands = (i) => isPicked(i) && (!state.chosen.size || state.chosen.has(i));

function drawMap() {
  mapContext.setTransform(pixelRatio, 0, 0, pixelRatio, 0, 0);
  mapContext.clearRect(0, 0, camera.width, camera.height);
  if (state.grid && bitmaps.grid) drawGrid();
  const pictures = picturesShown(state.mode) && bitmaps.images, side = pictureSide();
  const key = `${[...picked].join()}|${state.chosen.size}|${column?.name}`;
  const shown = pictures ? placePictures(side, stands, key) : null;
  drawPoints(shown, side);
  if (shown) drawPictures(shown, side);
  showHint();
}

// Say what to do where no image is visible, or where a line is to be drawn.
function showHint() {
  const lost = !anyInSight();
  element("hint").hidden = !lassoing && !lost;
  element("hint").textContent = lassoing ? "Draw a line around the images to select" : "No image is visible: 0 shows all";
}

function dots(radius) {
  const size = Math.ceil(2.6 * radius * pixelRatio) + 2, across = styleCount();
  const canvas = make("canvas", { width: size * across, height: size }), context = canvas.getContext("2d");
  for (let number = 0; number < across; number++) {
    const style = styleOf(number);
    context.fillStyle = style.colour;
    shapePath(context, style.shape, size * (number + 0.5), size / 2, radius * pixelRatio);
    context.fill();
  }
  return { canvas, size };
}

function drawPoints(shown, side) {
  const radius = pointRadius(), { canvas, size } = dots(radius), half = size / 2;
  const some = picked.size || state.chosen.size;
  mapContext.setTransform(1, 0, 0, 1, 0, 0);
  for (const faded of some ? [true, false] : [false]) {
    mapContext.globalAlpha = faded ? FADED : 0.85;
    for (const i of order) {
      if (shown?.[i] || (some && stands(i) === faded)) continue;
      const x = screenX(pointsX[i]), y = screenY(pointsY[i]);
      if (x < -8 || y < -8 || x > camera.width + 8 || y > camera.height + 8) continue;
      mapContext.drawImage(canvas, styles[i] * size, 0, size, size, x * pixelRatio - half, y * pixelRatio - half, size, size);
    }
  }
  mapContext.globalAlpha = 1;
  mapContext.setTransform(pixelRatio, 0, 0, pixelRatio, 0, 0);
}

function pictureBox(name, x, y, side) {
  const sheet = data.sheets[name], scale = side / Math.max(sheet.width, sheet.height);
  const width = sheet.width * scale, height = sheet.height * scale;
  return [x - width / 2, y - height / 2, width, height];
}

function drawPictures(shown, side) {
  const inner = side - 5, sheet = data.sheets.images;
  mapContext.imageSmoothingEnabled = inner * pixelRatio < Math.max(sheet.width, sheet.height) || sheet.width > 48;
  mapContext.lineWidth = 2;
  for (let i = 0; i < count; i++) {
    if (!shown[i]) continue;
    const x = screenX(pointsX[i]), y = screenY(pointsY[i]);
    if (x < -side || y < -side || x > camera.width + side || y > camera.height + side) continue;
    const box = pictureBox("images", x, y, inner);
    drawTile(mapContext, "images", i, ...box);
    if (!column) continue;
    mapContext.strokeStyle = styleOf(styles[i]).colour;
    mapContext.strokeRect(box[0] - 1, box[1] - 1, box[2] + 2, box[3] + 2);
  }
}

function drawGrid() {
  const side = data.grid.side, cell = camera.zoom / side;
  mapContext.imageSmoothingEnabled = data.sheets.grid.width > 48;
  mapContext.globalAlpha = 0.75;
  for (let place = 0; place < side * side; place++) {
    if (far[place]) continue; // what is decoded far from any image is shown only under the pointer
    const x = screenX(((place % side) + 0.5) / side), y = screenY((Math.floor(place / side) + 0.5) / side);
    if (x < -cell || y < -cell || x > camera.width + cell || y > camera.height + cell) continue;
    drawTile(mapContext, "grid", place, ...pictureBox("grid", x, y, cell * 0.94));
  }
  mapContext.globalAlpha = 1;
}

function ring(i, colour, width) {
  const radius = picturesShown(state.mode) && placed[i] ? pictureSide() / 2 + 2 : pointRadius() + 4;
  overContext.lineWidth = width;
  overContext.strokeStyle = colour;
  overContext.beginPath();
  if (picturesShown(state.mode) && placed[i])
    overContext.rect(screenX(pointsX[i]) - radius, screenY(pointsY[i]) - radius, 2 * radius, 2 * radius);
  else overContext.arc(screenX(pointsX[i]), screenY(pointsY[i]), radius, 0, 2 * Math.PI);
  overContext.stroke();
}

function drawOver() {
  overContext.setTransform(pixelRatio, 0, 0, pixelRatio, 0, 0);
  overContext.clearRect(0, 0, camera.width, camera.height);
  const ink = colourOf("--ink"), blue = colourOf("--blue");
  if (state.opened >= 0) {
    overContext.lineWidth = 1.2;
    overContext.strokeStyle = ink;
    overContext.globalAlpha = 0.6;
    for (let n = 0; n < data.near; n++) {
      const other = neighbours[state.opened * data.near + n];
      overContext.beginPath();
      overContext.moveTo(screenX(pointsX[state.opened]), screenY(pointsY[state.opened]));
      overContext.lineTo(screenX(pointsX[other]), screenY(pointsY[other]));
      overContext.stroke();
      ring(other, ink, 1.2);
    }
    overContext.globalAlpha = 1;
    ring(state.opened, ink, 3);
  }
  if (state.hovered >= 0) ring(state.hovered, blue, 2.5);
  if (state.path.length > 1) {
    overContext.lineWidth = 2;
    overContext.strokeStyle = overContext.fillStyle = blue;
    overContext.beginPath();
    for (const [x, y] of state.path) overContext.lineTo(screenX(x), screenY(y));
    overContext.closePath();
    overContext.stroke();
    overContext.globalAlpha = 0.12;
    overContext.fill();
    overContext.globalAlpha = 1;
  }
}
