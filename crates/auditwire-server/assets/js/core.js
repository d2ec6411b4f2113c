// The console works without this script; with it, it is quicker. Each file adds one behaviour to elements that ask for it by a
// data attribute or a class. Shared helpers first.
"use strict";

/** All elements below `root` that match. */
const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));

/** Handles an event of every element that matches, now or later. */
const on = (type, selector, handle) =>
  document.addEventListener(type, (event) => {
    const target = event.target instanceof Element ? event.target.closest(selector) : null;
    if (target) handle(event, target);
  });

/** Begins a behaviour on every element that matches, also on those that fragments bring later (see `begun`). */
const behaviours = [];
const each = (selector, begin) => {
  behaviours.push([selector, begin]);
  all(selector).forEach(begin);
};
const begun = (root) => behaviours.forEach(([selector, begin]) => all(selector, root).forEach(begin));

/** Fetches the content of a page of ours without its frame. A visitor who was signed out meanwhile goes to the sign-in page. */
const fragment = async (url, options = {}) => {
  const response = await fetch(url, {
    ...options,
    credentials: "same-origin",
    headers: { ...(options.headers || {}), "x-fragment": "1", accept: "text/html" },
  });
  if (response.redirected && new URL(response.url).pathname === "/sign-in") {
    location.reload();
    return new Promise(() => {});
  }
  const text = await response.text();
  const body = new DOMParser().parseFromString(text, "text/html").body;
  return { response, body };
};

/** Puts parsed nodes of a fragment into an element, in the place of what was there. */
const fill = (element, body) => {
  element.replaceChildren(...Array.from(body.childNodes).map((node) => document.importNode(node, true)));
  begun(element);
};

on("click", "[data-copy]", async (event, button) => {
  const source = document.querySelector(button.dataset.copy);
  if (!source) return;
  try {
    await navigator.clipboard.writeText(source.textContent);
  } catch {
    // Without the clipboard (plain HTTP): select the text, so that a key press copies it.
    const range = document.createRange();
    range.selectNodeContents(source);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    return;
  }
  const said = button.querySelector("[data-copied]");
  if (said) {
    const before = said.textContent;
    said.textContent = said.dataset.copied;
    setTimeout(() => (said.textContent = before), 1500);
  }
});
