// Pointer, wheel, fingers, keys and buttons; then the page draws itself.
const CLICK_REACH = 5, KEY_STEP = 80, KEY_ZOOM = 1.35;
const pointers = new Map();
let pressed = null, pinched = 0;
const placeOf = (event) => {
  const box = mapCanvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};

function setLasso(on) {
  lassoing = on;
  element("lasso").setAttribute("aria-pressed", String(on));
  mapCanvas.classList.toggle("drawing", on);
  showHint();
}

mapCanvas.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  mapCanvas.setPointerCapture(event.pointerId);
  const [x, y] = placeOf(event);
  pointers.set(event.pointerId, [x, y]);
  pressed = { x, y, moved: false, lasso: lassoing || event.shiftKey };
  if (pressed.lasso) state.path = [[worldX(x), worldY(y)]];
  if (pointers.size === 2) {
    pinched = spread();
    state.path = [];
    pressed.lasso = false;
  }
});

const spread = () => {
  const [[ax, ay], [bx, by]] = [...pointers.values()];
  return Math.hypot(ax - bx, ay - by);
};

mapCanvas.addEventListener("pointermove", (event) => {
  const [x, y] = placeOf(event), before = pointers.get(event.pointerId);
  if (!before) {
    if (event.pointerType !== "touch") hoverAt(x, y);
    return;
  }
  if (Math.hypot(x - pressed.x, y - pressed.y) > CLICK_REACH) pressed.moved = true;
  pointers.set(event.pointerId, [x, y]);
  if (pointers.size === 2) {
    const now = spread(), places = [...pointers.values()];
    move((x - before[0]) / 2, (y - before[1]) / 2);
    zoomTo((camera.zoom * now) / (pinched || now), (places[0][0] + places[1][0]) / 2, (places[0][1] + places[1][1]) / 2);
    pinched = now;
    pressed.moved = true;
    redraw();
  } else if (pressed.lasso) {
    state.path.push([worldX(x), worldY(y)]);
    drawOver();
  } else if (pressed.moved) {
    leave();
    mapCanvas.classList.add("moving");
    move(x - before[0], y - before[1]);
    redraw();
  }
});

function release(event) {
  if (!pointers.delete(event.pointerId) || pointers.size) return;
  mapCanvas.classList.remove("moving");
  const path = state.path, [x, y] = placeOf(event);
  state.path = [];
  if (pressed.lasso && pressed.moved) {
    chooseInside(path);
    setLasso(false);
  } else if (!pressed.moved && event.type === "pointerup") {
    const reach = picturesShown(state.mode) ? Math.max(14, pictureSide() / 2) : event.pointerType === "touch" ? 22 : 14;
    open(nearestPoint(x, y, reach, stands));
  }
  drawOver();
}
mapCanvas.addEventListener("pointerup", release);
mapCanvas.addEventListener("pointercancel", release);
mapCanvas.addEventListener("pointerleave", () => pointers.size || leave());
mapCanvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  const step = event.deltaY * (event.deltaMode === 1 ? 16 : 1);
  zoomTo(camera.zoom * Math.exp(-Math.max(-240, Math.min(240, step)) * 0.0022), ...placeOf(event));
  leave();
  redraw();
}, { passive: false });
mapCanvas.addEventListener("dblclick", (event) => {
  zoomTo(camera.zoom * 2, ...placeOf(event));
  redraw();
});

function showAll() {
  camera.x = camera.y = 0.5;
  camera.zoom = wholeZoom();
  leave();
  redraw();
}

function letGo() {
  if (lassoing) setLasso(false);
  else if (state.opened >= 0) open(-1);
  else if (state.chosen.size) choose([]);
  else if (picked.size) {
    picked.clear();
    drawLegend();
  }
  leave();
  redraw();
}

async function showGrid(on) {
  if (!data.grid) return;
  state.grid = on;
  element("grid").setAttribute("aria-pressed", String(on));
  if (on) said.textContent = data.grid.note;
  await load("grid");
  redraw();
}

const zoomBy = (factor) => {
  zoomTo(camera.zoom * factor);
  leave();
  redraw();
};
const shift = (dx, dy) => {
  move(dx, dy);
  redraw();
};
const KEYS = {
  ArrowLeft: () => shift(KEY_STEP, 0), ArrowRight: () => shift(-KEY_STEP, 0), ArrowUp: () => shift(0, KEY_STEP), ArrowDown: () => shift(0, -KEY_STEP),
  "+": () => zoomBy(KEY_ZOOM), "=": () => zoomBy(KEY_ZOOM), "-": () => zoomBy(1 / KEY_ZOOM), 0: showAll,
  l: () => setLasso(!lassoing), g: () => showGrid(!state.grid),
  Enter: () => open(nearestPoint(camera.width / 2, camera.height / 2, camera.width + camera.height, stands)),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = ["INPUT", "SELECT"].includes(event.target.tagName), onMap = event.target === mapCanvas || event.target === document.body;
  if (event.key === "Escape") {
    if (typing) event.target.blur();
    if (!element("found").hidden) showFound("");
    else letGo();
  } else if (event.key === "/" && !typing) {
    event.preventDefault();
    element("search").focus();
  } else if (!typing && KEYS[event.key] && (onMap || event.key.length === 1)) {
    event.preventDefault();
    KEYS[event.key]();
  }
});

const MOST_FOUND = 8;
function showFound(text) {
  const list = element("found"), wanted = text.trim().toLowerCase();
  list.replaceChildren();
  list.hidden = !wanted;
  if (!wanted) return;
  for (let i = 0; i < count && list.childElementCount < MOST_FOUND; i++) {
    if (!data.ids[i].toLowerCase().includes(wanted)) continue;
    const button = make("button", { type: "button", textContent: data.ids[i] });
    button.addEventListener("click", () => {
      element("search").value = "";
      showFound("");
      state.chosen.size && choose([]);
      zoomTo(Math.max(camera.zoom, 4 * wholeZoom()));
      camera.x = pointsX[i];
      camera.y = pointsY[i];
      open(i);
      mapCanvas.focus();
    });
    list.append(make("li", {}, button));
  }
  if (!list.childElementCount) list.append(make("li", { textContent: "No image has such a name." }));
}
element("search").addEventListener("input", (event) => showFound(event.target.value));
element("search").addEventListener("keydown", (event) => {
  if (event.key === "Enter") element("found").querySelector("button")?.click();
  if (event.key === "ArrowDown") element("found").querySelector("button")?.focus();
});

columns.forEach((each, number) => element("colour").append(make("option", { value: number, textContent: each.name })));
element("colour-choice").hidden = columns.length < 2;
element("colour").addEventListener("change", (event) => {
  setColumn(columns[event.target.value]);
  open(state.opened);
});
element("mode").addEventListener("change", (event) => {
  state.mode = event.target.value;
  redraw();
});
element("lasso").addEventListener("click", () => setLasso(!lassoing));
element("view").addEventListener("click", chooseInSight);
element("grid").hidden = !data.grid;
element("grid").addEventListener("click", () => showGrid(!state.grid));
element("in").addEventListener("click", () => zoomBy(KEY_ZOOM));
element("out").addEventListener("click", () => zoomBy(1 / KEY_ZOOM));
element("all").addEventListener("click", showAll);
element("theme").addEventListener("click", () => {
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  drawLegend();
  redraw();
});
document.addEventListener("click", (event) => {
  const about = document.querySelector(".about");
  if (!about.contains(event.target)) about.open = false;
});

if (innerWidth < 740) element("legend").open = false;
setColumn(column);
resize();
new ResizeObserver(resize).observe(element("stage"));
load("images").then(() => {
  drawMap();
  drawOver();
  performance.mark("sablier:drawn");
  root.dataset.drawn = "yes";
});

// For scripts that look at the page: where an image lies on it.
window.sablierMap = {
  count,
  ids: data.ids,
  placeOf(i) {
    const box = mapCanvas.getBoundingClientRect();
    return { x: box.left + screenX(pointsX[i]), y: box.top + screenY(pointsY[i]) };
  },
};
