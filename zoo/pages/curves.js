// Curves of a run: a chart for each thing that is measured, with the values at the place of the pointer.
"use strict";

function chart({ title, x: across, series, log }) {
  const svg = el("svg:svg", { role: "img", "aria-label": title });
  const key = el("ul", { class: "key" });
  const whole = el("div", { class: "chart" }, el("h3", {}, title), key, svg);
  const [left, right, top, bottom] = [52, 12, 10, 24];
  const good = ([, y]) => y !== null && (!log || y > 0);
  const points = series.flatMap((one) => one.points);
  const xs = points.map(([x]) => x);
  const scaled = log ? Math.log10 : (y) => y;
  const ys = points.filter(good).map(([, y]) => scaled(y));
  const [x0, x1] = xs.length ? [Math.min(...xs), Math.max(...xs)] : [0, 0];
  let [y0, y1] = [Math.min(...ys), Math.max(...ys)];
  const margin = y0 === y1 ? (log ? 0.5 : Math.abs(y0) / 2 || 0.5) : (y1 - y0) * 0.04;
  [y0, y1] = [y0 - margin, y1 + margin];
  let [width, height, at] = [0, 0, null];
  const px = (x) => left + (x1 > x0 ? (x - x0) / (x1 - x0) : 0.5) * (width - left - right);
  const py = (y) => top + (1 - (scaled(y) - y0) / (y1 - y0)) * (height - top - bottom);

  function draw() {
    [width, height] = [svg.clientWidth, svg.clientHeight];
    if (!width) return;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const parts = [];
    if (!ys.length) {
      parts.push(el("svg:text", { x: width / 2, y: height / 2, "text-anchor": "middle" }, "no value to draw"));
    }
    for (const tick of ys.length ? ticks(y0, y1, 5) : []) {
      const y = log ? 10 ** tick : tick;
      parts.push(el("svg:line", { class: "axis", x1: left, x2: width - right, y1: py(y), y2: py(y) }),
        el("svg:text", { x: left - 6, y: py(y) + 4, "text-anchor": "end" }, short(Number(y.toPrecision(6)))));
    }
    for (const x of ticks(x0, x1, Math.max(2, width / 110))) {
      parts.push(el("svg:text", { x: px(x), y: height - 7, "text-anchor": px(x) > width - 26 ? "end" : "middle" },
        x.toLocaleString("en-US")));
    }
    for (const one of series) {
      let path = "";
      let pen = "M";
      for (const point of one.points) {
        if (!good(point)) pen = "M";
        else {
          path += `${pen}${px(point[0]).toFixed(1)},${py(point[1]).toFixed(1)}`;
          pen = "L";
        }
      }
      parts.push(el("svg:path", { class: `k${one.colour}`, d: path }));
      if (one.points.length < 30) {
        parts.push(...one.points.filter(good).map(([x, y]) =>
          el("svg:circle", { class: `k${one.colour}`, cx: px(x), cy: py(y), r: 2.4 })));
      }
    }
    if (at !== null) {
      parts.push(el("svg:line", { class: "cursor", x1: px(at), x2: px(at), y1: top, y2: height - bottom }));
      for (const one of series) {
        const near = nearest(one.points, at);
        if (near && good(near)) {
          parts.push(el("svg:circle", { class: `k${one.colour}`, cx: px(near[0]), cy: py(near[1]), r: 3.6 }));
        }
      }
    }
    svg.replaceChildren(...parts);
    key.replaceChildren(...series.map((one) => {
      const near = at === null ? one.points[one.points.length - 1] : nearest(one.points, at);
      return el("li", {}, dot(one.colour), one.name, el("b", {}, near ? short(near[1]) : ""),
        near && at !== null && near[0] !== at ? el("span", { class: "soft" }, `(${near[0].toLocaleString("en-US")})`) : null);
    }), el("li", { class: "soft" }, at === null ? `last of ${x1.toLocaleString("en-US")} ${across}`
      : `at ${across.replace(/s$/, "")} ${at.toLocaleString("en-US")}`));
  }

  svg.addEventListener("pointermove", (event) => {
    const x = x0 + ((event.clientX - svg.getBoundingClientRect().left - left) / (width - left - right)) * (x1 - x0);
    const near = series.map((one) => nearest(one.points, x)).filter(Boolean)
      .sort((a, b) => Math.abs(a[0] - x) - Math.abs(b[0] - x))[0];
    at = near ? near[0] : null;
    draw();
  });
  svg.addEventListener("pointerleave", () => {
    at = null;
    draw();
  });
  new ResizeObserver(draw).observe(svg);
  return whole;
}

function nearest(points, x) {
  let [low, high] = [0, points.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle][0] < x) low = middle + 1;
    else high = middle;
  }
  const [before, after] = [points[low - 1], points[low]];
  return before && (!after || x - before[0] < after[0] - x) ? before : after;
}

// Round numbers from `low` to `high`, about `count` of them.
function ticks(low, high, count) {
  if (!(high > low)) return [low];
  const rough = (high - low) / count;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((part) => part * size).find((each) => each >= rough);
  const found = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + step * 1e-6; tick += step) {
    found.push(Number(tick.toPrecision(12)));
  }
  return found;
}
