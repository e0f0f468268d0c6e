// What points are coloured by, the legend, and which categories are highlighted.
const SHAPES = 5; // after ten categories colours come again, in another shape
const OTHERS = "#8a8f99";
const root = document.documentElement;
root.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
let column = columns[0] ?? null;
let picked = new Set(); // categories picked out; none: all
let styles = new Uint16Array(count); // of each point: the number of its colour and shape

const styleCount = () => (!column ? 1 : column.kind === "number" ? data.scales.light.length : column.names.length);
function styleOf(number) {
  if (!column) return { colour: data.colours[root.dataset.theme][0], shape: 0 };
  if (column.kind === "number") return { colour: data.scales[root.dataset.theme][number], shape: 0 };
  if (column.others && number === column.names.length - 1) return { colour: OTHERS, shape: 0 };
  const colours = data.colours[root.dataset.theme];
  return { colour: colours[number % colours.length], shape: Math.floor(number / colours.length) % SHAPES };
}

function setColumn(chosen) {
  column = chosen;
  picked = new Set();
  styles = new Uint16Array(count);
  if (column?.kind === "number") {
    const shades = data.scales.light.length, span = column.high - column.low || 1;
    for (let i = 0; i < count; i++)
      styles[i] = Math.min(shades - 1, Math.max(0, Math.floor(((column.values[i] - column.low) / span) * shades)));
  } else if (column) styles.set(column.values);
  drawLegend();
}

const isPicked = (i) => !picked.size || picked.has(styles[i]);

function shapePath(context, shape, x, y, radius) {
  context.beginPath();
  if (shape === 0) context.arc(x, y, radius, 0, 2 * Math.PI);
  else if (shape === 1) context.rect(x - 0.85 * radius, y - 0.85 * radius, 1.7 * radius, 1.7 * radius);
  else if (shape === 4) {
    const arm = 0.4 * radius, end = 1.1 * radius;
    for (const [dx, dy] of [[-arm, -end], [arm, -end], [arm, -arm], [end, -arm], [end, arm], [arm, arm], [arm, end], [-arm, end],
      [-arm, arm], [-end, arm], [-end, -arm], [-arm, -arm]]) context.lineTo(x + dx, y + dy);
    context.closePath();
  } else {
    const corners = shape === 2 ? 3 : 4;
    for (let corner = 0; corner < corners; corner++) {
      const angle = (2 * Math.PI * corner) / corners - Math.PI / 2;
      context.lineTo(x + 1.25 * radius * Math.cos(angle), y + 1.25 * radius * Math.sin(angle));
    }
    context.closePath();
  }
}

function swatch(number) {
  const canvas = make("canvas", { width: 28, height: 28 }), context = canvas.getContext("2d"), style = styleOf(number);
  canvas.style.cssText = "width:14px;height:14px;flex:none";
  context.fillStyle = style.colour;
  shapePath(context, style.shape, 14, 14, 10);
  context.fill();
  return canvas;
}

function drawLegend() {
  const legend = element("legend");
  legend.hidden = !column;
  legend.replaceChildren();
  if (!column) return;
  legend.append(make("summary", { textContent: column.name }));
  if (column.kind === "number") {
    const scale = make("div", { className: "scale" });
    scale.style.background = `linear-gradient(to right, ${data.scales[root.dataset.theme].join(", ")})`;
    const more = column.most > column.high ? `${decimals(column.high)} and more` : decimals(column.high);
    const ends = make("div", { className: "ends" });
    ends.append(make("span", { textContent: decimals(column.low) }), make("span", { textContent: more }));
    legend.append(scale, ends);
    if (column.most > column.high) legend.append(make("p", { textContent: `Largest value: ${decimals(column.most)}.` }));
  } else {
    const counts = new Uint32Array(column.names.length), list = make("ul");
    for (const value of column.values) counts[value]++;
    column.names.forEach((name, number) => {
      const button = make("button", { type: "button", title: `Highlight ${name}` }, swatch(number), make("span", { textContent: name }));
      button.setAttribute("aria-pressed", String(picked.has(number)));
      button.append(make("span", { className: "count", textContent: counts[number].toLocaleString("en") }));
      button.addEventListener("click", () => {
        if (!picked.delete(number)) picked.add(number);
        button.setAttribute("aria-pressed", String(picked.has(number)));
        redraw();
      });
      list.append(make("li", {}, button));
    });
    legend.append(list);
  }
  if (column.note) legend.append(make("p", { textContent: column.note }));
}
