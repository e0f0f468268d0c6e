// Elements of the page.

// Return an element with attributes, listeners (names that begin with "on") and children.
export function made(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// Return the picture of a file beside the page; if the file is missing, a text that says so takes its place.
export function picture(src, alt, attributes = {}) {
  const image = made("img", { src, alt, ...attributes });
  image.addEventListener("error", () => {
    const folder = src.slice(0, src.lastIndexOf("/") + 1);
    const text = `${decodeURI(src)} is missing. Keep the folder ${decodeURI(folder)} beside this page.`;
    image.replaceWith(made("p", { class: "review-missing" }, text));
  });
  return image;
}
