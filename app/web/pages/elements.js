// Small helpers to build a page: elements with their attributes and children.
const SVG = "http://www.w3.org/2000/svg";

export const find = (selector) => document.querySelector(selector);

// An enum's value as a word that begins a sentence.
export const word = (value) => value[0] + value.slice(1).toLowerCase().replaceAll("_", " ");

export function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

export function draw(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}
