// Details of one image: the tip that follows the pointer, and the panel with its reconstruction and neighbours.
const tip = element("tip"), said = element("said");
const values = (i) => columns.map((each) => [each.name, valueText(each, i)]);
const spoken = (i) => `${data.ids[i]}${column ? `, ${column.name} ${valueText(column, i)}` : ""}`;
const TIP_PICTURE = 112;
const tipCanvases = {};

function fillTip(name, i, heading, lines) {
  const canvas = (tipCanvases[name] ??= blankTile(name, TIP_PICTURE));
  fillTile(canvas, name, i);
  tip.replaceChildren(canvas, make("b", { textContent: heading }), ...lines.map((text) => make("span", { textContent: text })));
}

function placeTip(x, y) {
  tip.hidden = false;
  const width = tip.offsetWidth, height = tip.offsetHeight;
  const left = x + 18 + width > camera.width ? x - 18 - width : x + 18;
  const top = Math.min(Math.max(y - height / 2, 6), camera.height - height - 6);
  tip.style.transform = `translate(${Math.max(4, Math.min(left, camera.width - width - 4))}px, ${Math.max(4, top)}px)`;
  tip.style.left = tip.style.top = "0";
}

function hoverAt(x, y) {
  const reach = picturesShown(state.mode) ? Math.max(12, pictureSide() / 2) : 12;
  const found = nearestPoint(x, y, reach, stands), place = found < 0 ? gridPlace(x, y) : -1;
  mapCanvas.classList.toggle("pointing", found >= 0);
  if (found !== state.hovered || found < 0) {
    if (found >= 0) fillTip("images", found, data.ids[found], values(found).map(([name, text]) => `${name}: ${text}`));
    else if (place >= 0) fillTip("grid", place, "no image here", [`decoded from this place${far[place] ? ", far from any image" : ""}`]);
    tip.dataset.image = found;
  }
  const changed = found !== state.hovered;
  state.hovered = found;
  if (found >= 0 || place >= 0) placeTip(x, y);
  else tip.hidden = true;
  if (changed) drawOver();
}

// The place of the grid under the pointer; -1 where there is none, or where the layer is off.
function gridPlace(x, y) {
  if (!state.grid || !bitmaps.grid) return -1;
  const across = Math.floor(worldX(x) * data.grid.side), down = Math.floor(worldY(y) * data.grid.side);
  return Math.min(across, down) < 0 || Math.max(across, down) >= data.grid.side ? -1 : down * data.grid.side + across;
}

function leave() {
  state.hovered = -1;
  tip.hidden = true;
  mapCanvas.classList.remove("pointing");
  drawOver();
}

function figure(name, i, caption) {
  return make("figure", {}, tileCanvas(name, i, 168, `${caption} of ${data.ids[i]}`), make("figcaption", { textContent: caption }));
}

function thumbnail(i, text, label) {
  const button = make("button", { type: "button", title: data.ids[i] }, tileCanvas("images", i, 64, ""));
  for (const line of text) button.append(make("span", { textContent: line }));
  button.setAttribute("aria-label", label);
  button.addEventListener("click", () => open(i, true));
  return make("li", {}, button);
}

// Show one image in the panel; `seek` moves the map so that it is in sight.
function open(i, seek = false) {
  state.opened = i;
  const detail = element("detail");
  detail.replaceChildren();
  element("empty").hidden = i >= 0 || state.chosen.size > 0;
  if (i >= 0) {
    const close = make("button", { type: "button", textContent: "✕" });
    close.setAttribute("aria-label", "Close");
    close.addEventListener("click", () => {
      open(-1);
      mapCanvas.focus();
    });
    const pair = make("div", { className: "pair" }, figure("images", i, "image"));
    if (data.sheets.again) pair.append(figure("again", i, "reconstruction"));
    const facts = make("dl");
    for (const [name, text] of values(i)) facts.append(make("dt", { textContent: name }), make("dd", { textContent: text }));
    detail.append(make("div", { className: "head" }, make("h2", { textContent: data.ids[i] }), close), pair, facts);
    if (data.near) {
      const list = make("ol", { className: "near" });
      for (let n = 0; n < data.near; n++) {
        const other = neighbours[i * data.near + n], distance = decimals((distances[i * data.near + n] / FULL) * data.farthest);
        const lines = column?.kind === "category" ? [valueText(column, other), distance] : [distance];
        list.append(thumbnail(other, lines, `Neighbour ${n + 1}: ${spoken(other)}, distance ${distance}`));
      }
      detail.append(make("h3", { textContent: "Nearest by code, with distance" }), list);
    }
    element("panel").scrollTop = 0;
    said.textContent = `Opened ${spoken(i)}.`;
    if (seek) seeTo(i);
  }
  redraw();
}

function seeTo(i) {
  const x = screenX(pointsX[i]), y = screenY(pointsY[i]), edge = 40;
  if (x > edge && y > edge && x < camera.width - edge && y < camera.height - edge) return;
  camera.x = pointsX[i];
  camera.y = pointsY[i];
}
