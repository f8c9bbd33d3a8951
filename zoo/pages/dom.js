// What all scripts of a page use: elements, numbers as people read them, and the page's data.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);

function $(id) {
  return document.getElementById(id);
}

// An element: its tag ("svg:" before one of SVG's), attributes, children; text stays text.
function el(tag, attributes = {}, ...children) {
  const svg = tag.startsWith("svg:");
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag.slice(4)) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

// 1234567 as "1,234,567".
function whole(value) {
  return value === null || value === undefined ? "" : Math.round(value).toLocaleString("en-US");
}

// 1234567 as "1.23 M".
function large(value) {
  if (value === null || value === undefined) return "";
  for (const [unit, size] of [["T", 1e12], ["G", 1e9], ["M", 1e6], ["k", 1e3]]) {
    if (value >= size) return `${(value / size).toPrecision(3)} ${unit}`;
  }
  return String(value);
}

function bytes(value) {
  for (const [unit, size] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]]) {
    if (value >= size) return `${(value / size).toPrecision(3)} ${unit}`;
  }
  return `${value} bytes`;
}

// A number of any size in few signs.
function short(value) {
  if (value === null || value === undefined) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size >= 1e5 || size < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}

function shape(sizes) {
  return sizes === null || sizes === undefined ? "" : sizes.length ? sizes.join(" × ") : "one value";
}
