// Where things are: the camera, the point nearest to a place, and which pictures fit without covering one another.
const camera = { x: 0.5, y: 0.5, zoom: 1, width: 1, height: 1 };
const CLOSEST = 8 + 4 * Math.sqrt(count); // times nearer than the whole map: many images lie closer together than few
const wholeZoom = () => 0.94 * Math.min(camera.width, camera.height);
const screenX = (x) => (x - camera.x) * camera.zoom + camera.width / 2;
const screenY = (y) => (y - camera.y) * camera.zoom + camera.height / 2;
const worldX = (x) => (x - camera.width / 2) / camera.zoom + camera.x;
const worldY = (y) => (y - camera.height / 2) / camera.zoom + camera.y;

function zoomTo(zoom, x = camera.width / 2, y = camera.height / 2) {
  const atX = worldX(x), atY = worldY(y);
  camera.zoom = Math.min(Math.max(zoom, 0.7 * wholeZoom()), CLOSEST * wholeZoom());
  camera.x = atX - (x - camera.width / 2) / camera.zoom;
  camera.y = atY - (y - camera.height / 2) / camera.zoom;
  keepInSight();
}

function move(dx, dy) {
  camera.x -= dx / camera.zoom;
  camera.y -= dy / camera.zoom;
  keepInSight();
}

function keepInSight() {
  camera.x = Math.min(Math.max(camera.x, 0), 1);
  camera.y = Math.min(Math.max(camera.y, 0), 1);
}

// Points by the cell of a square they lie in, cell after cell.
const cells = Math.max(1, Math.floor(Math.sqrt(count) / 1.5));
const cellOf = (place) => Math.min(cells - 1, Math.max(0, Math.floor(place * cells)));
const starts = new Uint32Array(cells * cells + 1), members = new Uint32Array(count);
{
  const numbers = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    numbers[i] = cellOf(pointsY[i]) * cells + cellOf(pointsX[i]);
    starts[numbers[i] + 1]++;
  }
  for (let c = 0; c < cells * cells; c++) starts[c + 1] += starts[c];
  const next = starts.slice();
  for (let i = 0; i < count; i++) members[next[numbers[i]]++] = i;
}

function* pointsWithin(left, top, right, bottom) {
  for (let row = cellOf(top); row <= cellOf(bottom); row++)
    for (let column = cellOf(left); column <= cellOf(right); column++) {
      const cell = row * cells + column;
      for (let m = starts[cell]; m < starts[cell + 1]; m++) yield members[m];
    }
}

function anyInSight() {
  const left = worldX(0), top = worldY(0), right = worldX(camera.width), bottom = worldY(camera.height);
  for (const i of pointsWithin(left, top, right, bottom))
    if (pointsX[i] >= left && pointsX[i] <= right && pointsY[i] >= top && pointsY[i] <= bottom) return true;
  return false;
}

// The point nearest to a place on the screen, at most `reach` pixels away; -1 for none.
function nearestPoint(x, y, reach, allowed = () => true) {
  const atX = worldX(x), atY = worldY(y), radius = reach / camera.zoom;
  let best = -1, least = radius * radius;
  for (const i of pointsWithin(atX - radius, atY - radius, atX + radius, atY + radius)) {
    const distance = (pointsX[i] - atX) ** 2 + (pointsY[i] - atY) ** 2;
    if (distance <= least && allowed(i)) {
      least = distance;
      best = i;
    }
  }
  return best;
}

// How large pictures are at this zoom: as far apart as points are on average, so that most have room.
const SMALLEST_PICTURE = 22, LARGEST_PICTURE = 88, ROOM_FOR_PICTURES = 19;
const apart = () => camera.zoom / Math.sqrt(count);
const pictureSide = () => Math.min(LARGEST_PICTURE, Math.max(SMALLEST_PICTURE, 0.85 * apart()));
const picturesShown = (mode) => mode === "images" || (mode === "auto" && apart() >= ROOM_FOR_PICTURES);

// Which points get a picture: in the fixed order, each that covers none before it. The same wherever the map is moved.
let placed = new Uint8Array(count), placedAt = "";
function placePictures(side, allowed, key) {
  if (placedAt === `${side}/${camera.zoom}/${key}`) return placed;
  placedAt = `${side}/${camera.zoom}/${key}`;
  placed = new Uint8Array(count);
  const size = side / camera.zoom, taken = new Map(), across = Math.ceil(1 / size) + 3;
  for (const i of order) {
    if (!allowed(i)) continue;
    const column = Math.floor(pointsX[i] / size) + 1, row = Math.floor(pointsY[i] / size) + 1;
    let free = true;
    for (let dy = -1; free && dy <= 1; dy++)
      for (let dx = -1; free && dx <= 1; dx++) {
        const other = taken.get((row + dy) * across + column + dx);
        if (other !== undefined)
          free = Math.abs(pointsX[other] - pointsX[i]) >= size || Math.abs(pointsY[other] - pointsY[i]) >= size;
      }
    if (!free) continue;
    taken.set(row * across + column, i);
    placed[i] = 1;
  }
  return placed;
}
