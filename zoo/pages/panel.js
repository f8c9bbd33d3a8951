// The panel: what is known of the layer that is looked at, or of the whole net.
"use strict";

function dot(kind) {
  return el("span", { class: `dot k${kind}`, "aria-hidden": "true" });
}

function rows(pairs) {
  const shown = pairs.filter((pair) => pair && pair[1] !== null && pair[1] !== undefined && pair[1] !== "");
  return el("table", {}, el("tbody", {}, shown.map(([name, ...values]) =>
    el("tr", {}, el("td", { class: "soft" }, name), el("td", {}, values)))));
}

function link(view, index, choose, text) {
  return el("button", { class: "link", type: "button", onclick: () => choose(index) }, text ?? view.layers[index].name);
}

// ---- one layer ----

function layerPanel(view, index, choose, actions) {
  const layer = view.layers[index];
  return [
    el("button", { class: "close", type: "button", "aria-label": "Close", onclick: () => choose(null) }, "×"),
    el("h2", {}, layer.name),
    el("p", { class: "type" }, dot(layer.kind), el("b", {}, layer.type), layer.note,
      layer.fork ? el("span", { class: "soft" }, `(${layer.fork})`) : null,
      el("button", { class: "link", type: "button", onclick: actions.table }, "in the table")),
    rows([
      ["parameters", layer.params ? whole(layer.params) : layer.params === 0 ? "none" : null],
      ["multiply-adds", layer.macs ? `${whole(layer.macs)}` : null],
      ["FLOPs", layer.macs ? `${large(2 * layer.macs)} (two for each multiply-add)` : null],
      view.batch > 1 && layer.macs ? ["", el("span", { class: "soft" }, `of a batch of ${view.batch}`)] : null,
      ["loss weight", layer.loss ? layer.loss.map(short).join(", ") : null],
      fieldRow(layer.field),
      gradientRow(view, layer),
    ]),
    ...blobLists(view, index, choose),
    ...parameterTable(layer),
    ...weightPanel(layer),
    ...activationPanel(view, layer),
    el("h3", {}, "Prototxt"),
    layer.at ? el("p", { class: "soft" }, el("code", {}, layer.at)) : null,
    el("pre", {}, data.texts[layer.text]),
  ].filter(Boolean);
}

function fieldRow(field) {
  if (!field) return null;
  if (field === "whole") return ["receptive field", "the whole image"];
  if (field === "irregular") return ["receptive field", el("span", { class: "soft" }, "in no regular grid")];
  const [sizes, strides, offsets] = field;
  const alike = (values) => (new Set(values.map(String)).size === 1 ? String(values[0]) : values.join(" × "));
  const first = offsets.map((offset) => (offset === null ? "–" : String(offset).replace("-", "−")));
  return ["receptive field", `${sizes.join(" × ")}, stride ${alike(strides)}, offset ${alike(first)}`];
}

function gradientRow(view, layer) {
  if (!layer.gradient) return null;
  const [runs, bottoms, blobs] = layer.gradient;
  if (!view.layers.some((each) => each.loss || (each.gradient && each.gradient[0]))) {
    return ["gradients", el("span", { class: "no" }, "none: the net has no loss")];
  }
  if (!runs) return ["gradients", el("span", { class: "no" }, "none reach it")];
  const to = [];
  if (blobs.some(Boolean)) to.push(blobs.every(Boolean) ? "its parameters" : "some of its parameters");
  const named = bottoms.map((need, place) => (need ? layer.bottoms[place][0] : null)).filter(Boolean);
  if (named.length) to.push(named.join(", "));
  return ["gradients", el("span", { class: "yes" }, to.length ? `go to ${to.join(" and to ")}` : "reach it")];
}

function blobLists(view, index, choose) {
  const layer = view.layers[index];
  const lists = [];
  if (layer.bottoms.length) {
    lists.push(el("h3", {}, "Bottoms"), el("ul", { class: "links" }, layer.bottoms.map(([name, sizes, giver]) =>
      el("li", {}, el("code", {}, name), " ", el("span", { class: "mono" }, shape(sizes)),
        giver === null ? null : el("span", { class: "soft" }, " from ", link(view, giver, choose))))));
  }
  if (layer.tops.length) {
    lists.push(el("h3", {}, "Tops"), el("ul", { class: "links" }, layer.tops.map(([name, sizes, readers]) =>
      el("li", {}, el("code", {}, name), " ", el("span", { class: "mono" }, shape(sizes)),
        el("span", { class: "soft" }, readers.length ? " to " : " (output)"),
        readers.flatMap((reader, place) => [place ? ", " : "", link(view, reader, choose)])))));
  }
  return lists;
}

function parameterTable(layer) {
  if (!layer.blobs || !layer.blobs.length) return [];
  const head = ["blob", "shape", "count", "lr", "decay"];
  const lines = layer.blobs.map(([what, sizes, count, lr, decay, owner]) => el("tr", {},
    el("td", { class: "name" }, what, owner ? el("span", { class: "soft" }, ` of ${owner}`) : null),
    el("td", { class: "mono" }, shape(sizes)), el("td", { class: "number" }, whole(count)),
    lr === null ? el("td", { class: "soft number", colspan: 2 }, "not learned")
      : [el("td", { class: "number" }, short(lr)), el("td", { class: "number" }, short(decay))]));
  return [el("h3", {}, "Parameters"), el("div", { class: "wide" }, el("table", {},
    el("thead", {}, el("tr", {}, head.map((name, place) => el("th", { class: place > 1 ? "number" : "" }, name)))),
    el("tbody", {}, lines)))];
}

// ---- weights and activations ----

function weightPanel(layer) {
  const known = data.weights && data.weights.blobs[layer.key];
  if (!known) return [];
  const parts = [el("h3", {}, `Weights, ${data.weights.said}`)];
  known.forEach((blob, place) => {
    if (!blob) return;
    const what = layer.blobs && layer.blobs[place] ? layer.blobs[place][0] : `blob ${place}`;
    parts.push(el("figure", {}, histogram(blob), el("figcaption", {},
      `${what}: ${short(blob.min)} to ${short(blob.max)}, mean ${short(blob.mean)}, deviation ${short(blob.std)}, `
      + `${percent(blob.zeros)} zeros${blob.bad ? `, ${whole(blob.bad)} not finite` : ""}`)));
  });
  const filters = data.weights.filters[layer.key];
  if (filters) parts.push(image(filters, `Filters of ${layer.name}`));
  return parts;
}

function percent(share) {
  return share === 0 ? "0 %" : share < 0.001 ? "under 0.1 %" : `${(100 * share).toPrecision(3)} %`;
}

function image(shown, alt) {
  return el("figure", {}, el("img", { class: shown.smooth ? "" : "pixels", src: shown.url, alt }),
    el("figcaption", {}, shown.said));
}

function histogram(blob) {
  const most = Math.max(...blob.bins, 1);
  const [width, height] = [blob.bins.length * 10, 60];
  const bars = blob.bins.map((count, place) => el("svg:rect", { x: place * 10 + 0.5, width: 9,
    y: height - (count / most) * height, height: (count / most) * height, fill: "var(--accent)" }));
  return el("svg:svg", { viewBox: `0 0 ${width} ${height}`, width: "100%", height: 60, preserveAspectRatio: "none",
    role: "img", "aria-label": "Histogram" }, bars,
  el("svg:line", { x1: 0, x2: width, y1: height - 0.5, y2: height - 0.5, stroke: "var(--line)" }));
}

function activationPanel(view, layer) {
  if (!data.activations || view.title !== data.activations.view) return [];
  const parts = [];
  for (const [name, shown] of data.activations.layers[layer.key] || []) {
    if (shown.url) parts.push(image(shown, `Activations of ${name}`));
    else {
      parts.push(el("p", { class: "soft" }, shown.said), el("table", {}, el("tbody", {}, shown.top.map(([what, value]) =>
        el("tr", {}, el("td", { class: "name" }, what), el("td", { class: "number" }, short(value)))))));
    }
  }
  return parts.length ? [el("h3", {}, `Activations, ${data.activations.said}`), ...parts] : [];
}

// ---- the whole net ----

function netPanel(view, choose) {
  const { totals } = view;
  const sum = (of) => view.layers.reduce((all, layer) => all + (of(layer) || 0), 0);
  const shares = (title, of) => {
    const all = sum(of);
    if (!all) return [];
    const parts = data.kinds.map((name, kind) => [name, kind,
      view.layers.reduce((part, layer) => part + (layer.kind === kind ? of(layer) || 0 : 0), 0)])
      .filter(([, , part]) => part).sort((a, b) => b[2] - a[2]);
    const largest = view.layers.map((layer, index) => [index, of(layer) || 0]).sort((a, b) => b[1] - a[1])
      .filter(([, value]) => value).slice(0, 5);
    return [el("h3", {}, title),
      el("div", { class: "shares" }, parts.map(([name, kind, part]) => el("span", { class: `k${kind}`,
        style: `flex: ${part / all}`, title: `${name}: ${(100 * part / all).toPrecision(3)} %` }))),
      el("p", { class: "soft" }, parts.slice(0, 3).map(([name, , part]) =>
        `${name} ${(100 * part / all).toPrecision(3)} %`).join(", ")),
      el("table", {}, el("tbody", {}, largest.map(([index, value]) => el("tr", {},
        el("td", { class: "name" }, link(view, index, choose)), el("td", { class: "number" }, large(value)),
        el("td", { class: "number soft" }, `${(100 * value / all).toPrecision(3)} %`)))))];
  };
  const inputs = view.layers.filter((layer) => !layer.bottoms.length)
    .flatMap((layer) => layer.tops.map(([name, sizes]) => `${name} ${shape(sizes)}`));
  return [
    el("h2", {}, data.name),
    el("p", { class: "soft" }, view.title === "deploy" ? "The net to deploy." : `The net in phase ${view.title}.`,
      " Click a layer, or press ", el("kbd", {}, "↓"), "."),
    rows([
      ["layers", whole(view.layers.length)],
      ["inputs", inputs.map((input) => el("div", { class: "mono" }, input))],
      totals ? ["parameters", whole(totals.params)
        + (totals.statistics ? ` + ${whole(totals.statistics)} statistics` : "")] : null,
      totals ? ["multiply-adds", `${whole(totals.macs)}${view.batch > 1 ? ` (batch of ${view.batch})` : ""}`] : null,
      totals && view.batch > 1 ? ["of one item", whole(totals.macs / view.batch)] : null,
      totals ? ["data", `${bytes(totals.bytes)}, as Caffe counts`] : null,
    ]),
    view.complete ? null : el("p", { class: "soft" }, "Some shapes are not known: neither the file nor its "
      + "data say them. They can be given with --input_shape."),
    ...(data.notes || []).map((note) => el("p", { class: "soft" }, note)),
    ...shares("Where the multiply-adds are", (layer) => layer.macs),
    ...shares("Where the parameters are", (layer) => layer.params),
    ...(data.activations && data.activations.input && view.title === data.activations.view
      ? [el("h3", {}, "The image"), image(data.activations.input, "The image that was given")] : []),
  ].filter(Boolean);
}
