// The page of a net: which view and layer one looks at, said by the address; search, tabs and keys.
"use strict";

const TABS = ["net", "table", "run"];
const state = { view: data.views[0], layer: null, tab: "net" };
const drawing = new Drawing((index) => choose(index));
const table = new Table((index) => choose(index, "net"));

// ---- what is shown ----

function showView(view) {
  state.view = view;
  state.layer = null;
  $("view").value = view.title;
  drawing.show(view);
  table.show(view);
  showTotals();
}

function showTotals() {
  const { view } = state;
  const said = [[whole(view.layers.length), "layers"]];
  if (view.totals) {
    said.push([large(view.totals.params), "parameters"], [large(view.totals.macs / view.batch), "multiply-adds an item"]);
  }
  $("totals").replaceChildren(...said.map(([number, what]) => el("span", {}, el("b", {}, number), ` ${what}`)));
  const present = new Set(view.layers.map((layer) => layer.kind));
  $("legend").replaceChildren(...data.kinds.map((name, kind) => [name, kind]).filter(([, kind]) => present.has(kind))
    .map(([name, kind]) => el("li", {}, dot(kind), name)));
}

function showPanel() {
  const { view, layer } = state;
  const parts = layer === null ? netPanel(view, choose) : layerPanel(view, layer, choose, { table: () => showTab("table") });
  $("panel").replaceChildren(...parts);
  $("panel").scrollTop = 0;
}

function showTab(tab) {
  state.tab = tab;
  for (const name of TABS) {
    $(name).hidden = name !== tab;
    $(`to-${name}`).setAttribute("aria-selected", String(name === tab));
  }
  $("search").parentElement.style.visibility = tab === "run" ? "hidden" : "";
  table.filter(tab === "table" ? $("search").value : "");
  $("search").placeholder = tab === "table" ? "Filter layers   /" : "Search layers   /";
  showHits();
  if (tab === "net") drawing.resized();
  if (tab === "table") table.mark(state.layer);
  keep();
}

function choose(index, tab) {
  state.layer = index;
  if (tab && tab !== state.tab) showTab(tab);
  drawing.mark(index);
  table.mark(index);
  showPanel();
  keep();
}

// ---- the address ----

function keep() {
  const said = new URLSearchParams();
  if (state.layer !== null) said.set("layer", state.view.layers[state.layer].key);
  if (state.view !== data.views[0]) said.set("view", state.view.title);
  if (state.tab !== "net") said.set("tab", state.tab);
  const fragment = said.toString();
  if (fragment !== location.hash.slice(1)) {
    history.replaceState(null, "", fragment ? `#${fragment}` : location.pathname + location.search);
  }
}

// #layer=conv1&view=TEST, or the name of a layer alone.
function follow() {
  const fragment = location.hash.slice(1);
  const said = new URLSearchParams(fragment.includes("=") ? fragment : "");
  if (fragment && !fragment.includes("=")) said.set("layer", decode(fragment));
  const view = data.views.find((each) => each.title === said.get("view")) || data.views[0];
  if (view !== state.view || !drawing.view) showView(view);
  const index = view.layers.findIndex((layer) => layer.key === said.get("layer"));
  showTab(TABS.includes(said.get("tab")) && !$(`to-${said.get("tab")}`).hidden ? said.get("tab") : "net");
  choose(index < 0 ? null : index);
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// ---- search ----

const hits = { found: [], at: 0 };

function showHits() {
  const text = $("search").value.trim();
  const open = state.tab === "net" && text !== "" && document.activeElement === $("search");
  const all = text ? matches(state.view, text) : [];
  hits.found = all.slice(0, 200);
  hits.at = Math.min(hits.at, Math.max(hits.found.length - 1, 0));
  if (state.tab === "net") drawing.only(text && all.length ? all : null);
  $("hits").hidden = !open;
  $("search").setAttribute("aria-expanded", String(open));
  if (!open) return;
  $("hits").replaceChildren(...(hits.found.length ? hits.found.map((index, place) => {
    const layer = state.view.layers[index];
    return el("li", { role: "option", "aria-selected": String(place === hits.at),
      onpointerdown: (event) => event.preventDefault(), onclick: () => take(index) },
    dot(layer.kind), el("span", { class: "name" }, layer.name), el("span", { class: "soft" }, layer.type));
  }) : [el("li", { class: "soft" }, "no such layer")]));
  const chosen = $("hits").children[hits.at];
  if (chosen) chosen.scrollIntoView({ block: "nearest" });
}

function take(index) {
  $("search").value = "";
  $("search").blur();
  showHits();
  choose(index);
}

$("search").addEventListener("input", () => {
  hits.at = 0;
  if (state.tab === "table") table.filter($("search").value);
  showHits();
});
$("search").addEventListener("focus", showHits);
$("search").addEventListener("blur", showHits);
$("search").addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    $("search").value = "";
    table.filter("");
    $("search").blur();
  } else if (event.key === "Enter" && state.tab === "net" && hits.found.length) take(hits.found[hits.at]);
  else if (event.key === "Enter" && state.tab === "table" && table.shown.length) {
    $("search").blur();
    choose(table.shown[0]);
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    hits.at = Math.min(Math.max(hits.at + (event.key === "ArrowDown" ? 1 : -1), 0), Math.max(hits.found.length - 1, 0));
    showHits();
    event.preventDefault();
  } else return;
  event.stopPropagation();
});

// ---- keys ----

// The layer that one comes to from the chosen one: along the net, or to a branch next to it.
function step(key) {
  const { view, layer } = state;
  if (layer === null) return view.layers.length ? 0 : null;
  const { bottoms, tops } = view.layers[layer];
  const next = tops.flatMap(([, , readers]) => readers);
  const before = bottoms.map(([, , giver]) => giver).filter((giver) => giver !== null);
  if (key === "ArrowDown") return next.length ? next[0] : layer;
  if (key === "ArrowUp") return before.length ? before[0] : layer;
  const box = (index) => view.boxes[drawing.boxOf.get(index)];
  const here = box(layer);
  const middle = (each) => each.x + each.w / 2;
  const branches = view.boxes.filter((each) => each !== here && each.y < here.y + here.h && each.y + each.h > here.y
    && (key === "ArrowLeft" ? middle(each) < middle(here) : middle(each) > middle(here)))
    .sort((a, b) => Math.abs(middle(a) - middle(here)) - Math.abs(middle(b) - middle(here)));
  return branches.length ? branches[0].rows[0][0] : layer;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("help").open || event.target.tagName === "SELECT") return;
  if (event.target.tagName === "INPUT") return;
  const zooms = { "+": 1.25, "=": 1.25, "-": 0.8 };
  if (event.key === "/") $("search").focus();
  else if (event.key === "?") $("help").showModal();
  else if (event.key === "Escape") choose(null);
  else if (event.key === "t") showTab(state.tab === "table" ? "net" : "table");
  else if (state.tab === "net" && zooms[event.key]) drawing.zoom(zooms[event.key]);
  else if (state.tab === "net" && event.key === "0") drawing.fit();
  else if (state.tab === "net" && event.key.startsWith("Arrow")) choose(step(event.key));
  else if (state.tab === "table" && (event.key === "ArrowDown" || event.key === "ArrowUp") && table.shown.length) {
    const place = table.shown.indexOf(state.layer) + (event.key === "ArrowDown" ? 1 : -1);
    choose(table.shown[Math.min(Math.max(place, 0), table.shown.length - 1)]);
  } else if (state.tab === "table" && event.key === "Enter") showTab("net");
  else return;
  event.preventDefault();
});

// ---- the start ----

$("zoom-in").addEventListener("click", () => drawing.zoom(1.3));
$("zoom-out").addEventListener("click", () => drawing.zoom(1 / 1.3));
$("zoom-fit").addEventListener("click", () => drawing.fit());
$("to-help").addEventListener("click", () => $("help").showModal());
for (const name of TABS) $(`to-${name}`).addEventListener("click", () => showTab(name));
$("view").replaceChildren(...data.views.map((view) => el("option", { value: view.title }, view.title)));
$("view").hidden = data.views.length < 2;
$("view").addEventListener("change", () => {
  const key = state.layer === null ? null : state.view.layers[state.layer].key;
  showView(data.views.find((view) => view.title === $("view").value));
  const index = state.view.layers.findIndex((layer) => layer.key === key);
  choose(index < 0 ? null : index);
});
$("to-run").hidden = !data.run;
if (data.run) {
  $("run").append(el("h2", {}, data.run.title), ...data.run.lines.map((line) => el("p", { class: "soft" }, line)),
    data.run.charts.length ? el("div", { class: "charts" }, data.run.charts.map(chart))
      : el("p", {}, "The log holds no values yet."));
}
window.addEventListener("hashchange", follow);
follow();
