// Judging images in a page: a person marks each one good or bad, by keys or buttons. Verdicts stay in the browser, and are
// exported as the table with the columns id and verdict that `calibrate --feedback` and `audit --reviewed` read.
const PER_PAGE = 24;
const WORDS = { good: "good", bad: "bad" };

// Return text as a cell of a CSV file, as sablier writes them: what a spreadsheet would take for a formula gets an apostrophe.
export function cell(text) {
  const safe = /^'*[=+\-@]/.test(text) && !/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

// Return the table of the verdicts that were given, in the order of the images.
export function table(images, verdicts) {
  const judged = images.filter((image) => verdicts[image.id]).map((image) => `${cell(image.id)},${verdicts[image.id]}`);
  return ["id,verdict", ...judged, ""].join("\r\n");
}

// The verdicts on images, kept under a key in the browser where it allows that.
export class Verdicts {
  constructor(key) {
    this.key = `sablier verdicts ${key}`;
    this.given = {};
    this.history = [];
    try {
      const kept = JSON.parse(localStorage.getItem(this.key)) ?? {};
      this.given = kept.given ?? {};
      this.history = kept.history ?? [];
    } catch { /* nothing is kept, or what is kept is none of ours */ }
  }

  give(id, verdict) {
    this.history.push([id, this.given[id] ?? null]);
    this.given[id] = verdict;
    this.keep();
  }

  undo() {
    const last = this.history.pop();
    if (!last) return null;
    const [id, before] = last;
    if (before) this.given[id] = before; else delete this.given[id];
    this.keep();
    return id;
  }

  keep() {
    try {
      localStorage.setItem(this.key, JSON.stringify({ given: this.given, history: this.history }));
    } catch { /* a full or forbidden store: verdicts last until the page is closed */ }
  }
}

function made(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// Show images in `root`, a page of them at a time, and take verdicts on them.
//   images: {id, map, verdict, flagged, p, score, regions, label}, nearest to the threshold first
//   key: tells the verdicts of this report from those of others
export function mountReview(root, images, key) {
  const verdicts = new Verdicts(key);
  const pages = Math.max(1, Math.ceil(images.length / PER_PAGE));
  let selected = 0, page = -1;

  const grid = made("div", { class: "review-cards" });
  const progress = made("progress", { max: images.length, value: 0, "aria-label": "judged" });
  const counted = made("span", { class: "muted", "aria-live": "polite" });
  const place = made("span", { class: "muted" });
  const large = made("dialog", { class: "review-large" });
  const button = (text, action, title) => made("button", { type: "button", title, onclick: action }, text);
  const bar = made("div", { class: "review-bar" },
    button("Good", () => judge(WORDS.good), "key G"),
    button("Bad", () => judge(WORDS.bad), "key B"),
    button("Undo", undo, "key U"),
    progress, counted,
    button("Save verdicts (CSV)", save, "for calibrate --feedback and audit --reviewed"));
  const turning = made("div", { class: "review-bar" },
    button("Previous page", () => select((page - 1) * PER_PAGE), "key Page Up"), place,
    button("Next page", () => select((page + 1) * PER_PAGE), "key Page Down"));
  root.append(bar, grid, turning, large);

  function card(image, index) {
    const marks = [`p = ${image.p}`, `score ${image.score}`];
    if (image.regions) marks.push(`${image.regions} region${image.regions === 1 ? "" : "s"}`);
    if (image.label) marks.push(`label ${image.label}`);
    const picture = made("img", { src: image.map, alt: `${image.id} and its anomaly map`, loading: "lazy" });
    return made("article", {
      class: `card review-card${image.flagged ? " flagged" : ""}`, "data-index": index,
      onclick: () => select(index), ondblclick: () => open(index),
    }, picture, made("p", { class: "id", title: image.id }, image.id),
    made("p", { class: "numbers" }, made("span", { class: "badge" }, image.verdict), ...marks.map((text) => made("span", {}, text))),
    made("p", { class: "judged" }));
  }

  function draw() {
    const wanted = Math.floor(selected / PER_PAGE);
    if (wanted !== page) {
      page = wanted;
      const start = page * PER_PAGE;
      grid.replaceChildren(...images.slice(start, start + PER_PAGE).map((image, i) => card(image, start + i)));
      place.textContent = `page ${page + 1} of ${pages}`;
    }
    for (const each of grid.children) {
      const index = Number(each.dataset.index), verdict = verdicts.given[images[index].id] ?? "";
      each.classList.toggle("selected", index === selected);
      each.dataset.judged = verdict;
      each.querySelector(".judged").textContent = verdict ? `judged ${verdict}` : "not judged";
    }
    const words = images.map((image) => verdicts.given[image.id]).filter(Boolean);
    const bad = words.filter((word) => word === WORDS.bad).length;
    progress.value = words.length;
    counted.textContent = `${words.length} of ${images.length} judged: ${words.length - bad} good, ${bad} bad`;
  }

  function select(index) {
    selected = Math.min(images.length - 1, Math.max(0, index));
    draw();
    grid.querySelector(".selected")?.scrollIntoView({ block: "nearest" });
    if (large.open) show(selected);
  }

  function judge(verdict) {
    verdicts.give(images[selected].id, verdict);
    select(selected + 1);
  }

  function undo() {
    const id = verdicts.undo();
    if (id !== null) select(Math.max(0, images.findIndex((image) => image.id === id)));
  }

  function save() {
    const url = URL.createObjectURL(new Blob([table(images, verdicts.given)], { type: "text/csv" }));
    made("a", { href: url, download: "verdicts.csv" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }

  function show(index) {
    const image = images[index];
    large.replaceChildren(
      made("img", { src: image.map, alt: `${image.id} and its anomaly map` }),
      made("p", { class: "muted" }, `${image.id}: ${image.verdict}, p = ${image.p}, score ${image.score}. `,
        made("a", { href: image.mask }, "mask"), ". Keys: arrows, G, B, U; Escape closes."));
  }

  function open(index) {
    select(index);
    show(index);
    large.showModal();
  }

  function columns() {
    return Math.max(1, getComputedStyle(grid).gridTemplateColumns.split(" ").length);
  }

  const KEYS = {
    ArrowRight: () => select(selected + 1), ArrowLeft: () => select(selected - 1),
    ArrowDown: () => select(selected + columns()), ArrowUp: () => select(selected - columns()),
    PageDown: () => select((page + 1) * PER_PAGE), PageUp: () => select((page - 1) * PER_PAGE),
    Enter: () => open(selected),
    g: () => judge(WORDS.good), b: () => judge(WORDS.bad), u: undo,
  };
  document.addEventListener("keydown", (event) => {
    const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    const typing = event.target.closest?.("input, textarea, select, button, a, summary") && event.key === "Enter";
    if (!action || event.ctrlKey || event.metaKey || event.altKey || typing) return;
    event.preventDefault();
    action();
  });
  draw();
}
