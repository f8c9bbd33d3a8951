// The table of all layers: sorted by any column, filtered by words.
"use strict";

class Table {
  constructor(choose) {
    this.choose = choose;
    this.words = "";
    this.by = 0;
    this.down = false;
  }

  columns() {
    const outs = (layer) => layer.tops.map(([, sizes]) => shape(sizes)).join("; ");
    const field = (place) => (layer) => {
      if (layer.field === "whole") return place ? "" : "whole";
      return Array.isArray(layer.field) ? layer.field[place].filter((value, at, all) => !at || value !== all[0]).join(" × ") : "";
    };
    const ratio = (text) => {
      const [up, down = 1] = String(text).split("/").map(Number);
      return up / down;
    };
    const first = (place) => (layer) => {
      if (layer.field === "whole") return place ? -1 : Infinity;
      return Array.isArray(layer.field) ? ratio(layer.field[place][0]) : -1;
    };
    // Name, what is shown, what is sorted by, whether it is a number.
    const found = [
      ["#", (layer) => this.view.layers.indexOf(layer) + 1, (layer) => this.view.layers.indexOf(layer), true],
      ["layer", (layer) => layer.name, (layer) => layer.name.toLowerCase()],
      ["type", (layer) => `${layer.type}${layer.note ? ` ${layer.note}` : ""}`, (layer) => layer.type.toLowerCase()],
      ["output", outs, (layer) => (layer.tops[0] && layer.tops[0][1] ? layer.tops[0][1].reduce((a, b) => a * b, 1) : -1)],
      ["parameters", (layer) => (layer.params ? whole(layer.params) : ""), (layer) => layer.params || 0, true],
      ["multiply-adds", (layer) => (layer.macs ? whole(layer.macs) : ""), (layer) => layer.macs || 0, true],
      ["field", field(0), first(0), true],
      ["stride", field(1), first(1), true],
      ["gradients", (layer) => (layer.gradient ? (layer.gradient[0] ? "yes" : "no") : ""),
        (layer) => (layer.gradient ? Number(layer.gradient[0]) : -1)],
    ];
    if (data.weights) {
      const blob = (layer) => (data.weights.blobs[layer.key] || [])[0];
      for (const [name, key] of [["mean", "mean"], ["deviation", "std"], ["zeros", "zeros"]]) {
        const shown = key === "zeros" ? percent : short;
        found.push([name, (layer) => (blob(layer) ? shown(blob(layer)[key]) : ""),
          (layer) => (blob(layer) ? blob(layer)[key] : -Infinity), true]);
      }
    }
    return found;
  }

  show(view) {
    this.view = view;
    const columns = this.columns();
    this.by = Math.min(this.by, columns.length - 1);
    this.heads = columns.map(([name, , , number], place) => el("th", { class: number ? "number" : "", scope: "col" },
      el("button", { type: "button", onclick: () => this.sort(place) }, name)));
    this.body = el("tbody");
    this.rows = view.layers.map((layer, index) => el("tr", { "data-layer": index, onclick: () => this.choose(index) },
      columns.map(([name, text, , number]) => el("td", { class: `${number ? "number" : ""}${name === "layer" ? "name" : ""}` },
        name === "type" ? dot(layer.kind) : null, text(layer)))));
    $("table").replaceChildren(el("table", {}, el("thead", {}, el("tr", {}, this.heads)), this.body),
      el("p", { id: "count", class: "soft" }));
    this.order();
  }

  sort(place) {
    const number = this.columns()[place][3];
    this.down = this.by === place ? !this.down : Boolean(number && place);
    this.by = place;
    this.order();
  }

  filter(words) {
    this.words = words;
    if (this.view) this.order();
  }

  order() {
    const key = this.columns()[this.by][2];
    const sign = this.down ? -1 : 1;
    const found = matches(this.view, this.words).map((index) => [index, key(this.view.layers[index])]);
    found.sort(([a, x], [b, y]) => (x < y ? -sign : x > y ? sign : a - b));
    this.heads.forEach((head, place) => {
      head.setAttribute("aria-sort", place !== this.by ? "none" : this.down ? "descending" : "ascending");
    });
    this.body.replaceChildren(...found.map(([index]) => this.rows[index]));
    this.shown = found.map(([index]) => index);
    $("count").textContent = this.words ? `${found.length} of ${this.view.layers.length} layers` : "";
  }

  mark(index) {
    this.rows.forEach((row, place) => row.classList.toggle("chosen", place === index));
    if (index !== null && !$("table").hidden) this.rows[index].scrollIntoView({ block: "nearest" });
  }
}

// Indices of the layers whose name, type or blobs hold all words.
function matches(view, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return view.layers.map((layer, index) => index).filter((index) => {
    const { name, type, note, tops } = view.layers[index];
    const said = [name, type, note, ...tops.map(([top]) => top)].join(" ").toLowerCase();
    return words.every((word) => said.includes(word));
  });
}
