// One image shown large in a dialog: its photo at original resolution, the anomaly map over it, and outlines.
import { made, picture } from "./elements.js";

const SVG = "http://www.w3.org/2000/svg";
const LINES = { outline: "region of the map", truth: "ground truth", ignored: "ignored" };
const SMALL = 64; // pixels a side up to which an image is shown as squares, never smoothed
const FAINT = 60; // percent: the anomaly map at first

export class LargeView {
  // images, ignored: as for `mountReview`
  // actions: what the buttons do, as {text, title, run}
  // closed: is called when it is closed
  constructor(images, ignored, actions, closed) {
    this.images = images;
    this.ignored = ignored;
    this.canvases = new Map();
    this.index = -1;
    this.zoomed = false;
    this.opacity = FAINT;
    this.head = made("p", { class: "review-head" });
    this.notes = made("p", { class: "review-notes muted" });
    this.stage = made("div", { class: "review-stage", tabindex: 0, autofocus: "", onclick: (event) => this.zoom(event.clientX, event.clientY) });
    this.slider = made("input", {
      type: "range", min: 0, max: 100, value: FAINT, title: "key O",
      oninput: () => this.fade(Number(this.slider.value)), onpointerup: () => this.stage.focus(),
    });
    this.lines = made("input", { type: "checkbox", title: "key C", onchange: () => this.outline(this.lines.checked) });
    this.zooming = made("button", { type: "button", title: "key Z", onclick: () => this.zoom() });
    const button = ({ text, title, run }) => made("button", { type: "button", title, "aria-label": title, onclick: run }, text);
    this.dialog = made("dialog", { class: "review-large", onclose: closed },
      made("div", { class: "review-bar" }, made("div", { class: "review-bar" }, ...actions.map(button)),
        made("div", { class: "review-bar review-tools" }, this.zooming, made("label", {}, "map", this.slider),
          made("label", {}, this.lines, "outlines"), this.legend()),
        button({ text: "Close", title: "close, key Escape", run: () => this.dialog.close() })),
      this.head, this.notes, this.stage);
    new ResizeObserver(() => this.fit()).observe(this.stage);
    this.fade(FAINT);
    this.outline(true);
    this.named();
  }

  get open() {
    return this.dialog.open;
  }

  // Show an image; `judged` is what a person said of it.
  show(index, judged) {
    this.index = index;
    const image = this.images[index];
    const facts = [image.p, `score ${image.score}`, counted(image.regions, "region"), image.group, image.label, judged ? `judged ${judged}` : "not judged"];
    if (!image.photo && image.map) facts.push("as the model saw it: the photo could not be copied");
    this.head.replaceChildren(
      made("b", {}, image.id), made("span", { class: `badge${image.marked ? " marked" : ""}` }, image.verdict),
      ...facts.filter(Boolean).map((text) => made("span", {}, text)),
      made("span", { class: "muted" }, `${index + 1} of ${this.images.length}`),
      ...(image.mask ? [made("a", { href: image.mask }, "mask")] : []));
    this.notes.textContent = image.notes.join(" ");
    const near = [index, index + 1, index - 1].filter((i) => i in this.images);
    const canvases = new Map(near.map((i) => [i, this.canvases.get(i) ?? this.canvas(this.images[i])]));
    this.canvases = canvases; // all others are forgotten
    if (!this.open) this.dialog.showModal();
    this.stage.replaceChildren(canvases.get(index));
    this.fit();
    this.stage.scrollTo(0, 0);
  }

  // Return a new element with the pictures of an image; they are decoded at once, before it is shown.
  canvas(image) {
    if (!image.photo) return made("div", { class: "review-canvas seen" }, ...(image.map ? [picture(image.map, `${image.id} and its anomaly map`)] : []));
    const exact = Math.max(image.width, image.height) <= SMALL ? " exact" : "";
    const photo = picture(image.photo, image.id, { class: "review-photo", decoding: "sync" });
    const overlays = image.overlay ? [picture(image.overlay, `anomaly map of ${image.id}`, { class: "review-overlay", decoding: "sync" })] : [];
    for (const each of [photo, ...overlays]) each.decode().catch(() => { /* it is missing, which `picture` says */ });
    return made("div", { class: `review-canvas${exact}` }, photo, ...overlays, this.drawing(image));
  }

  // Return the outlines of an image as one drawing, in its pixels.
  drawing(image) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${image.width} ${image.height}`);
    svg.setAttribute("preserveAspectRatio", "none");
    for (const kind of Object.keys(LINES)) {
      const path = kind === "ignored" ? this.ignored[`${image.width}x${image.height}`] : image[kind];
      for (const name of path ? ["under", kind] : []) { // a dark line below each makes it visible on any ground
        const line = document.createElementNS(SVG, "path");
        line.setAttribute("class", name);
        line.setAttribute("d", path);
        svg.append(line);
      }
    }
    return svg;
  }

  legend() {
    const there = { outline: true, truth: this.images.some((image) => image.truth), ignored: Object.keys(this.ignored).length > 0 };
    const items = Object.entries(LINES).filter(([kind]) => there[kind]);
    return made("span", { class: "review-legend muted" }, ...items.map(([kind, text]) => made("span", { class: kind }, text)));
  }

  // Give the shown image its size on the screen: as large as there is room for, or a pixel for each of its own.
  fit() {
    const canvas = this.stage.firstElementChild, image = this.images[this.index];
    if (!canvas || !image.photo) return;
    const room = Math.min(this.stage.clientWidth / image.width, this.stage.clientHeight / image.height);
    const scale = this.zoomed ? 1 : room;
    canvas.style.width = `${Math.floor(image.width * scale)}px`;
    canvas.style.height = `${Math.floor(image.height * scale)}px`;
  }

  // Change between both sizes; the point of the photo that was at a place of the window comes to the middle.
  zoom(x, y) {
    const before = this.stage.firstElementChild?.getBoundingClientRect();
    this.zoomed = !this.zoomed;
    this.named();
    this.fit();
    if (!before) return;
    const across = x === undefined ? 0.5 : (x - before.left) / before.width;
    const down = y === undefined ? 0.5 : (y - before.top) / before.height;
    const { scrollWidth, scrollHeight, clientWidth, clientHeight } = this.stage;
    this.stage.scrollTo(across * scrollWidth - clientWidth / 2, down * scrollHeight - clientHeight / 2);
  }

  named() {
    this.zooming.textContent = this.zoomed ? "Fit" : "100 %";
    this.stage.classList.toggle("zoomed", this.zoomed);
  }

  // Set the opacity of the map in percent, or change between none and what it was.
  fade(percent = Number(this.slider.value) ? 0 : this.opacity) {
    if (percent) this.opacity = percent;
    this.slider.value = percent;
    this.stage.style.setProperty("--map", percent / 100);
  }

  outline(shown = !this.lines.checked) {
    this.lines.checked = shown;
    this.stage.classList.toggle("plain", !shown);
  }
}

// Return a number with its noun; "" for none.
export function counted(count, noun) {
  return count ? `${count} ${noun}${count === 1 ? "" : "s"}` : "";
}
