// The drawing of a net: boxes and lines in SVG, moved by dragging, wheel, fingers and keys; a map of the whole.
"use strict";

class Drawing {
  constructor(choose) {
    this.choose = choose; // called with the index of a layer that is clicked
    this.svg = $("drawing");
    this.map = $("map");
    this.pointers = new Map();
    this.at = { x: 0, y: 0, k: 1 };
    this.listen();
    new ResizeObserver(() => this.resized()).observe(this.svg);
  }

  // Shows a view of the page's data.
  show(view) {
    this.view = view;
    this.boxOf = new Map();
    this.boxes = view.boxes.map((box, number) => this.box(box, number));
    this.lines = view.lines.map((line) => this.line(line));
    this.world = el("svg:g", {}, el("svg:g", {}, this.lines), el("svg:g", {}, this.boxes));
    const head = el("svg:marker", { id: "head", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8,
      markerUnits: "userSpaceOnUse", orient: "auto" }, el("svg:path", { class: "head", d: "M0,0.6 L8,4 L0,7.4 Z" }));
    this.svg.replaceChildren(el("svg:defs", {}, head), this.world);
    this.fitTexts();
    this.chosen = null;
    this.start();
  }

  box(box, number) {
    const { x, y, w, h } = box;
    const first = this.view.layers[box.rows[0][0]];
    const group = el("svg:g", { class: `box k${first.kind}`, transform: `translate(${x},${y})` },
      el("svg:rect", { class: "back", width: w, height: h, rx: 7 }));
    for (const [index, top, height] of box.rows) {
      const layer = this.view.layers[index];
      const title = index === box.rows[0][0];
      const part = el("svg:g", { class: `part k${layer.kind}`, "data-layer": index, role: "button",
        "aria-label": `${layer.name}, ${layer.type}` },
      el("svg:title", {}, `${layer.name} (${layer.type})${layer.note ? ` ${layer.note}` : ""}`),
      el("svg:rect", { x: 1, y: top, width: w - 2, height, rx: title ? 6 : 0 }),
      el("svg:rect", { class: "mark", x: 1, y: top + (title ? 3 : 0), width: 4, height: height - (title ? 3 : 0) }));
      if (title) {
        part.append(el("svg:text", { class: "title", x: 13, y: top + 18, "data-fits": w - 20 }, box.title));
        part.append(el("svg:text", { x: 13, y: top + 33, "data-fits": w - 20 },
          `${layer.type}${layer.note ? ` ${layer.note}` : ""}`));
      } else {
        part.append(el("svg:text", { class: "row", x: 13, y: top + 13.5, "data-fits": w - 20 },
          layer.note ? `${layer.type} ${layer.note}` : layer.type));
      }
      group.append(part);
      this.boxOf.set(index, number);
    }
    box.above.forEach(([name, giver], place) => {
      group.append(el("svg:text", { class: "above", x: 13, y: box.aboveAt + 13 + 16 * place, "data-fits": w - 20,
        "data-layer": giver }, `← ${name}`));
    });
    if (box.shape) group.append(el("svg:text", { class: "shape", x: w / 2, y: h - 6, "data-fits": w - 10 }, box.shape));
    return group;
  }

  line(line) {
    const title = line.blobs.map(([name, sizes]) => `${name}${sizes ? `  ${shape(sizes)}` : ""}`).join("\n");
    return el("svg:path", { class: "line", d: rounded(line.points, 7), "marker-end": "url(#head)" },
      el("svg:title", {}, title));
  }

  // Fonts differ: what is wider than its box is drawn narrower.
  fitTexts() {
    for (const text of this.world.querySelectorAll("text[data-fits]")) {
      const width = Number(text.dataset.fits);
      const length = text.getComputedTextLength();
      if (text.classList.contains("title")) text.style.setProperty("--big", `${Math.min((12.5 * width) / length, 22)}px`);
      if (length > width) {
        text.setAttribute("textLength", width);
        text.setAttribute("lengthAdjust", "spacingAndGlyphs");
      }
    }
  }

  // ---- where one looks ----

  size() {
    return [this.svg.clientWidth || 1, this.svg.clientHeight || 1];
  }

  whole() {
    const [width, height] = this.size();
    const [w, h] = this.view.size;
    return Math.min((width - 36) / w, (height - 36) / h, 1.25);
  }

  // All where that can be read, else the beginning.
  start() {
    const k = this.whole();
    if (k >= 0.62) this.fit();
    else {
      const [width] = this.size();
      const first = this.view.boxes[0];
      const scale = Math.min(Math.max(k, 0.78), 1);
      const wide = this.view.size[0] * scale <= width - 36;
      const x = wide ? (width - this.view.size[0] * scale) / 2 : Math.min(18, width / 2 - (first.x + first.w / 2) * scale);
      this.move({ k: scale, x, y: 18 });
    }
  }

  fit() {
    const [width, height] = this.size();
    const [w, h] = this.view.size;
    const k = this.whole();
    this.move({ k, x: (width - w * k) / 2, y: Math.max((height - h * k) / 2, 0) });
  }

  zoom(factor, x, y) {
    const [width, height] = this.size();
    const [px, py] = [x ?? width / 2, y ?? height / 2];
    const k = Math.min(Math.max(this.at.k * factor, Math.min(this.whole(), 0.05)), 4);
    const change = k / this.at.k;
    this.move({ k, x: px - (px - this.at.x) * change, y: py - (py - this.at.y) * change });
  }

  pan(dx, dy) {
    this.move({ ...this.at, x: this.at.x + dx, y: this.at.y + dy });
  }

  // The middle of what one sees stays over the net.
  move(at) {
    const [width, height] = this.size();
    const [w, h] = this.view.size;
    this.at = {
      k: at.k,
      x: Math.min(Math.max(at.x, width / 2 - w * at.k), width / 2),
      y: Math.min(Math.max(at.y, height / 2 - h * at.k), height / 2),
    };
    this.world.setAttribute("transform", `translate(${this.at.x},${this.at.y}) scale(${this.at.k})`);
    this.svg.classList.toggle("far", at.k < 0.5);
    this.svg.classList.toggle("farther", at.k < 0.28);
    this.drawMap();
  }

  resized() {
    if (!this.view) return;
    this.move(this.at);
    if (this.chosen !== null) this.reveal(this.chosen);
  }

  // Moves so far that a layer's box is in sight, at a size at which it can be read.
  reveal(index) {
    const box = this.view.boxes[this.boxOf.get(index)];
    const [width, height] = this.size();
    const k = Math.max(this.at.k, 0.62);
    const [left, top] = [box.x * k, box.y * k];
    const seen = { x: k === this.at.k ? this.at.x : width / 2 - left - (box.w * k) / 2,
      y: k === this.at.k ? this.at.y : height / 2 - top - (box.h * k) / 2 };
    const outside = left + seen.x < 10 || left + box.w * k + seen.x > width - 10 ||
      top + seen.y < 10 || top + box.h * k + seen.y > height - 10;
    if (outside) {
      seen.x = width / 2 - left - (box.w * k) / 2;
      seen.y = Math.min(height / 2 - top - (box.h * k) / 2, height);
    }
    this.move({ k, ...seen });
  }

  // ---- what is marked ----

  mark(index) {
    this.chosen = index;
    for (const marked of this.svg.querySelectorAll(".chosen, .line.in, .line.out")) {
      marked.classList.remove("chosen", "in", "out");
    }
    if (index === null) return;
    const number = this.boxOf.get(index);
    this.boxes[number].classList.add("chosen");
    this.boxes[number].querySelector(`.part[data-layer="${index}"]`).classList.add("chosen");
    this.view.lines.forEach((line, place) => {
      if (line.to === number) this.lines[place].classList.add("in");
      if (line.from === number) this.lines[place].classList.add("out");
    });
    this.reveal(index);
  }

  // Lets all but these layers' boxes fade; null ends it.
  only(indices) {
    this.svg.classList.toggle("dim", indices !== null);
    const hit = new Set((indices || []).map((index) => this.boxOf.get(index)));
    this.boxes.forEach((box, number) => box.classList.toggle("hit", hit.has(number)));
    this.drawMap(indices && hit);
  }

  // ---- pointers ----

  listen() {
    const { svg } = this;
    svg.addEventListener("wheel", (event) => {
      event.preventDefault();
      const { left, top } = svg.getBoundingClientRect();
      const unit = event.deltaMode === 1 ? 16 : 1;
      if (event.shiftKey) this.pan(-event.deltaY * unit, 0);
      else this.zoom(Math.exp(-event.deltaY * unit * (event.ctrlKey ? 0.01 : 0.0015)), event.clientX - left,
        event.clientY - top);
    }, { passive: false });
    svg.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
      this.moved = this.pointers.size > 1 ? Infinity : 0;
    });
    svg.addEventListener("pointermove", (event) => {
      const before = this.pointers.get(event.pointerId);
      if (!before) return;
      const now = [event.clientX, event.clientY];
      this.pointers.set(event.pointerId, now);
      const others = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
      if (others.length) {
        const { left, top } = svg.getBoundingClientRect();
        const [other] = others;
        const apart = (place) => Math.hypot(place[0] - other[0], place[1] - other[1]) || 1;
        this.zoom(apart(now) / apart(before), (now[0] + other[0]) / 2 - left, (now[1] + other[1]) / 2 - top);
        return;
      }
      this.moved += Math.abs(now[0] - before[0]) + Math.abs(now[1] - before[1]);
      if (this.moved > 4) {
        if (!svg.hasPointerCapture(event.pointerId)) svg.setPointerCapture(event.pointerId);
        svg.classList.add("moving");
        this.pan(now[0] - before[0], now[1] - before[1]);
      }
    });
    const up = (event) => {
      if (!this.pointers.delete(event.pointerId)) return;
      svg.classList.remove("moving");
      if (event.type === "pointerup" && this.moved <= 4) {
        const part = event.target.closest("[data-layer]");
        this.choose(part ? Number(part.dataset.layer) : null);
      }
    };
    svg.addEventListener("pointerup", up);
    svg.addEventListener("pointercancel", up);
    const go = (event) => {
      if (!(event.buttons & 1)) return;
      const { left, top } = this.map.getBoundingClientRect();
      const [width, height] = this.size();
      const k = this.at.k;
      this.move({ k, x: width / 2 - ((event.clientX - left) / this.scale) * k,
        y: height / 2 - ((event.clientY - top) / this.scale) * k });
    };
    this.map.addEventListener("pointerdown", go);
    this.map.addEventListener("pointermove", go);
  }

  // ---- the map ----

  drawMap(hit = null) {
    const [width, height] = this.size();
    const [w, h] = this.view.size;
    const { k, x, y } = this.at;
    const allSeen = x >= -2 && y >= -2 && x + w * k <= width + 2 && y + h * k <= height + 2;
    this.map.hidden = allSeen || width < 560;
    if (this.map.hidden) return;
    this.scale = Math.min(190 / w, 190 / h);
    const dense = window.devicePixelRatio || 1;
    const [mw, mh] = [Math.max(w * this.scale, 24), Math.max(h * this.scale, 24)];
    this.map.width = mw * dense;
    this.map.height = mh * dense;
    this.map.style.width = `${mw}px`;
    this.map.style.height = `${mh}px`;
    const pen = this.map.getContext("2d");
    pen.scale(dense, dense);
    const style = getComputedStyle(document.documentElement);
    this.view.boxes.forEach((box, number) => {
      pen.globalAlpha = hit && !hit.has(number) ? 0.15 : 0.75;
      pen.fillStyle = style.getPropertyValue(`--k${this.view.layers[box.rows[0][0]].kind}`);
      pen.fillRect(box.x * this.scale, box.y * this.scale, Math.max(box.w * this.scale, 1.5),
        Math.max(box.h * this.scale, 1.5));
    });
    pen.globalAlpha = 1;
    pen.strokeStyle = style.getPropertyValue("--accent");
    pen.lineWidth = 1.5;
    pen.strokeRect((-x / k) * this.scale, (-y / k) * this.scale, (width / k) * this.scale, (height / k) * this.scale);
  }
}

// A path through points whose corners are round.
function rounded(points, radius) {
  let path = `M${points[0]}`;
  for (let i = 1; i < points.length - 1; i += 1) {
    const [from, corner, to] = [points[i - 1], points[i], points[i + 1]];
    const toward = (other) => {
      const length = Math.hypot(other[0] - corner[0], other[1] - corner[1]) || 1;
      const r = Math.min(radius, length / 2) / length;
      return [corner[0] + (other[0] - corner[0]) * r, corner[1] + (other[1] - corner[1]) * r];
    };
    path += `L${toward(from)}Q${corner} ${toward(to)}`;
  }
  return `${path}L${points[points.length - 1]}`;
}
