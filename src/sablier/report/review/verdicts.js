// The verdicts of a person on images, and the table that `calibrate --feedback` and `audit --reviewed` read.

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
