// Judging images in a page: a person marks each one good or bad, by keys or buttons. Verdicts stay in the browser, and are
// exported as the table with the columns id and verdict that `calibrate --feedback` and `audit --reviewed` read.
import { made, picture } from "./elements.js";
import { LargeView, counted } from "./large.js";
import { Verdicts, table } from "./verdicts.js";

const PER_PAGE = 24;
const WORDS = { good: "good", bad: "bad" };

// Show images in `root`, a page of them at a time, and take verdicts on them.
//   images: {id, map, photo, overlay, width, height, outline, truth, regions, mask, verdict, marked, p, score, group, label,
//     notes}, in the order in which they are shown; map, photo, overlay and mask are files beside the page, outline and truth
//     paths in pixels of the photo
//   ignored: the outline of ignored pixels for each "widthxheight"
//   key: tells the verdicts of this report from those of others
export function mountReview(root, { images, ignored }, key) {
  const verdicts = new Verdicts(key);
  const pages = Math.max(1, Math.ceil(images.length / PER_PAGE));
  let selected = 0, page = -1;

  const grid = made("div", { class: "review-cards" });
  const progress = made("progress", { max: images.length, value: 0, "aria-label": "judged" });
  const judgedCount = made("span", { class: "muted", "aria-live": "polite" });
  const place = made("input", { type: "number", min: 1, max: pages, "aria-label": "page", onchange: () => select((place.value - 1) * PER_PAGE) });
  const judging = [
    { text: "Good", title: "good, key G", run: () => judge(WORDS.good) },
    { text: "Bad", title: "bad, key B", run: () => judge(WORDS.bad) },
    { text: "Undo", title: "undo, key U", run: undo },
  ];
  const button = ({ text, title, run }) => made("button", { type: "button", title, onclick: run }, text);
  const bar = made("div", { class: "review-bar" }, ...judging.map(button), progress, judgedCount,
    button({ text: "Save verdicts (CSV)", title: "for calibrate --feedback and audit --reviewed", run: save }));
  const turning = made("div", { class: "review-bar" },
    button({ text: "Previous page", title: "key Page Up", run: () => turn(-1) }),
    made("label", { class: "muted" }, "page ", place, ` of ${pages}`),
    button({ text: "Next page", title: "key Page Down", run: () => turn(1) }));
  const large = new LargeView(images, ignored, [
    { text: "\u2190", title: "previous image, key Arrow Left", run: () => select(selected - 1) },
    { text: "\u2192", title: "next image, key Arrow Right", run: () => select(selected + 1) },
    ...judging,
  ], () => select(selected));
  turning.hidden = pages === 1;
  root.append(bar, grid, turning, large.dialog);

  function card(image, index) {
    const marks = [image.p, `score ${image.score}`, counted(image.regions, "region"), image.group, image.label].filter(Boolean);
    const alternative = image.map === image.photo ? image.id : `${image.id} and its anomaly map`;
    const shown = made("div", { class: "review-picture", onclick: (event) => { event.stopPropagation(); open(index); } },
      ...(image.map ? [picture(image.map, alternative, { loading: "lazy" })] : []));
    return made("article", { class: `card review-card${image.marked ? " flagged" : ""}`, "data-index": index, onclick: () => select(index) },
      shown, made("p", { class: "id", title: image.id }, image.id),
      made("p", { class: "numbers" }, made("span", { class: "badge" }, image.verdict), ...marks.map((text) => made("span", {}, text))),
      ...image.notes.map((text) => made("p", { class: "muted" }, text)), made("p", { class: "judged" }));
  }

  function draw() {
    const wanted = Math.floor(selected / PER_PAGE);
    if (wanted !== page) {
      page = wanted;
      const start = page * PER_PAGE;
      grid.replaceChildren(...images.slice(start, start + PER_PAGE).map((image, i) => card(image, start + i)));
    }
    place.value = page + 1;
    for (const each of grid.children) {
      const index = Number(each.dataset.index), verdict = verdicts.given[images[index].id] ?? "";
      each.classList.toggle("selected", index === selected);
      each.dataset.judged = verdict;
      each.querySelector(".judged").textContent = verdict ? `judged ${verdict}` : "not judged";
    }
    const words = images.map((image) => verdicts.given[image.id]).filter(Boolean);
    const bad = words.filter((word) => word === WORDS.bad).length;
    progress.value = words.length;
    judgedCount.textContent = `${words.length} of ${images.length} judged: ${words.length - bad} good, ${bad} bad`;
  }

  function select(index) {
    selected = Math.min(images.length - 1, Math.max(0, index));
    if (large.open) return showLarge(); // the cards behind it follow when it is closed
    draw();
    grid.querySelector(".selected")?.scrollIntoView({ block: "nearest" });
  }

  function turn(pagesOn) {
    select((Math.floor(selected / PER_PAGE) + pagesOn) * PER_PAGE);
  }

  function showLarge() {
    large.show(selected, verdicts.given[images[selected].id]);
  }

  function open(index) {
    if (large.open) return;
    select(index);
    showLarge();
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

  function columns() {
    return Math.max(1, getComputedStyle(grid).gridTemplateColumns.split(" ").length);
  }

  const KEYS = {
    ArrowRight: () => select(selected + 1), ArrowLeft: () => select(selected - 1),
    ArrowDown: () => select(selected + columns()), ArrowUp: () => select(selected - columns()),
    PageDown: () => turn(1), PageUp: () => turn(-1),
    Enter: () => open(selected),
    g: () => judge(WORDS.good), b: () => judge(WORDS.bad), u: undo,
  };
  const LARGE_KEYS = { o: () => large.fade(), c: () => large.outline(), z: () => large.zoom() };
  document.addEventListener("keydown", (event) => {
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const action = KEYS[name] ?? (large.open ? LARGE_KEYS[name] : undefined);
    const pressing = event.target.closest?.("input, textarea, select, button, a, summary") && event.key === "Enter";
    const sliding = ["range", "number"].includes(event.target.type) && event.key.startsWith("Arrow");
    if (!action || event.ctrlKey || event.metaKey || event.altKey || pressing || sliding) return;
    event.preventDefault();
    action();
  });
  draw();
}
