// The page: one text, of which a token is chosen; every panel tells about that token.
"use strict";

const $ = id => document.getElementById(id);
const run = JSON.parse($("run").textContent);
const tokenizer = new Tokenizer(run.tokenizer);
const reader = new Reader(run.config, unpackWeights(run.weights, run.shapes));
const END = tokenizer.special.get(run.end);
const grammar = run.grammar && new TrueGrammar(run.grammar, run.start, tokenizer, END);
const calm = matchMedia("(prefers-reduced-motion: reduce)");

// ids: the tokens; typed: how many of them were typed; for each token its surprise, that of the grammar, and what the grammar
// has possible after it; pieces: special tokens and pre-tokens, each with the tokens it is made of
const text = {ids: [], typed: 0, surprise: [], floor: [], branches: [], pieces: []};
// pinned: the token that is chosen; over: the one that is pointed at; [layer, head]; timer: set while the model writes
const view = {pinned: 1, over: null, layer: 0, head: 0, piece: null, timer: null};
const speed = {seconds: 0, tokens: 0};
let random; // the next random number

// ---- small helpers

const count = n => n.toLocaleString("en");
const plural = (n, word) => `${count(n)} ${word}${n === 1 ? "" : "s"}`;
const percent = p =>
  p >= 0.9995
    ? "100 %"
    : p >= 0.0995
      ? `${(100 * p).toFixed(0)} %`
      : p >= 0.0005
        ? `${(100 * p).toFixed(1)} %`
        : p > 0
          ? "< 0.1 %"
          : "0";
const visible = s => s.replace(/^ /, "·").replace(/\n/g, "⏎").replace(/\t/g, "⇥"); // a space or a new line that stands alone is seen
const quoted = i =>
  i < text.ids.length
    ? (mark(i) ?? `“${tokenizer.label(text.ids[i]).trim() || visible(tokenizer.label(text.ids[i]))}”`)
    : "the next token";
const chosen = () => Math.min(view.over ?? view.pinned, lastChoice());
const lastChoice = () => text.ids.length - (ended() ? 1 : 0); // while the text can go on, the next token can be chosen, too
const full = () => text.ids.length >= run.config.context_length;
const ended = () => (text.ids.length > 1 && text.ids.at(-1) === END) || full();

// What is shown for the tokens that are no writing: the end-of-text token and the new line beside it
function mark(i) {
  if (text.ids[i] === END) return i ? "end" : "start";
  return tokenizer.label(text.ids[i]) === "\n" ? "⏎" : null;
}

function element(name, attributes = {}, ...children) {
  const svg = ["svg", "g", "rect", "path", "text", "line"].includes(name);
  const e = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes))
    if (value !== null && value !== false) e.setAttribute(key, value);
  e.append(...children);
  return e;
}

// ---- the text grows

function readToken(id) {
  const i = reader.length;
  if (i) {
    text.surprise[i] = -Math.log(distribution(reader.logits[i - 1])[id]);
    if (grammar) text.floor[i] = -Math.log(grammar.next(text.branches[i - 1]).get(id) ?? 0);
  }
  if (grammar) text.branches[i] = grammar.read(text.branches[i - 1], id);
  const before = performance.now();
  reader.read(id);
  speed.seconds += (performance.now() - before) / 1000;
  speed.tokens++;
  text.ids[i] = id;
}

// Take these tokens; what the model has read of them already is kept
function setText(ids, typed = ids.length) {
  let same = 0;
  while (same < reader.length && text.ids[same] === ids[same]) same++;
  reader.forget(same);
  for (const list of [text.ids, text.surprise, text.floor, text.branches])
    list.length = Math.min(list.length, same);
  for (const id of ids.slice(same, run.config.context_length)) readToken(id);
  text.typed = Math.min(typed, text.ids.length);
  findPieces();
}

// The words that the tokens are made of. A model may write tokens that are not those its own text would be cut into;
// from there on each token stands alone.
function findPieces() {
  text.pieces = [];
  let at = 0;
  for (const piece of tokenizer.pieces(tokenizer.decode(text.ids))) {
    if (!piece.ids.every((id, k) => text.ids[at + k] === id)) break;
    text.pieces.push({...piece, at});
    at += piece.ids.length;
  }
  for (; at < text.ids.length; at++) text.pieces.push({ids: [text.ids[at]], at});
}

function sliders() {
  const topK = +$("topK").value;
  return {temperature: +$("temperature").value, topK: topK > 40 ? Infinity : topK, topP: +$("topP").value};
}

function writeToken() {
  readToken(draw(distribution(reader.logits.at(-1), sliders()), random()));
  findPieces();
  view.pinned = text.ids.length;
}

// Back to the beginning that was typed; the same number writes the same text again
function startAgain() {
  pause();
  random = randomNumbers(+$("seed").value);
  setText(tokenizer.encode(`${run.end}\n${$("prompt").value}`));
  view.pinned = text.ids.length;
}

function pause() {
  clearTimeout(view.timer);
  view.timer = null;
}

function play() {
  if (ended()) {
    $("seed").value = +$("seed").value + 1;
    startAgain();
  }
  const tick = () => {
    do writeToken();
    while (calm.matches && !ended()); // who wants little motion gets the text at once
    view.timer = ended() ? null : setTimeout(tick, 70);
    show();
  };
  if (!ended()) tick();
}

// ---- what is drawn when the text has changed

function show() {
  showStory();
  showButtons();
  showLoss();
  showPieces();
  showMaps();
  showChoice();
}

function showStory() {
  const box = $("story"),
    n = lastChoice() + 1;
  box.replaceChildren(
    ...Array.from({length: n}, (_, i) => {
      const cursor = i === text.ids.length,
        sign = cursor ? "▮" : mark(i);
      const kind = cursor ? "cursor" : sign ? "mark" : `tint-${i % 4}${i < text.typed ? " typed" : ""}`;
      const told = cursor
        ? "the next token"
        : `${quoted(i)}, number ${text.ids[i]}${i ? `, surprise ${text.surprise[i].toFixed(2)}` : ""}`;
      return element(
        "span",
        {class: `token ${kind}`, role: "option", "data-i": i, "aria-label": told},
        sign ?? tokenizer.label(text.ids[i]),
      );
    }),
  );
}

function showButtons() {
  const playing = view.timer !== null,
    written = text.ids.length - text.typed;
  $("play").textContent = playing
    ? "❚❚ Pause"
    : ended()
      ? "▶ Write another"
      : written
        ? "▶ Go on"
        : "▶ Write";
  $("step").disabled = ended();
  $("status").textContent = playing
    ? ""
    : full()
      ? `The model reads at most ${count(run.config.context_length)} tokens: the text stops here.`
      : ended()
        ? `The end, after ${plural(text.ids.length, "token")}.`
        : "";
  if (!playing)
    $("speed").textContent =
      `On this machine it takes ${((1000 * speed.seconds) / speed.tokens).toFixed(1)} ms to read one.`;
}

// Bars for the model's surprise, lines for the floor; the tallest bars get their words
function showLoss() {
  const svg = $("loss"),
    {width, height} = svg.getBoundingClientRect(),
    left = 30,
    foot = 8,
    head = 26,
    n = text.ids.length;
  if (width < 50) return; // not laid out yet; the observer below calls again
  const finite = text.floor.map(f => (isFinite(f) ? f : 0)),
    top = Math.max(2.5, ...text.surprise.slice(1), ...finite.slice(1));
  const x = i => left + (i - 1) * Math.min(40, (width - left) / Math.max(1, n - 1)),
    slot = x(2) - x(1);
  const y = nats => height - foot - (nats / top) * (height - foot - head);
  svg.replaceChildren();
  for (let nats = 0; nats <= top; nats += top > 8 ? 2 : 1)
    svg.append(
      element("line", {class: "grid", x1: left, x2: width, y1: y(nats), y2: y(nats)}),
      element("text", {x: left - 8, y: y(nats) + 4, "text-anchor": "end"}, nats),
    );
  for (let i = 1; i < n; i++) {
    const bar = Math.max(1.5, Math.min(0.62 * slot, 16));
    svg.append(
      element("rect", {
        class: "model",
        x: x(i) + (slot - bar) / 2,
        width: bar,
        y: y(text.surprise[i]),
        height: Math.max(0, y(0) - y(text.surprise[i])),
        rx: 1,
      }),
    );
    if (isFinite(text.floor[i]))
      svg.append(
        element("line", {
          class: "floor",
          x1: x(i) + 0.06 * slot,
          x2: x(i + 1) - 0.06 * slot,
          y1: y(text.floor[i]),
          y2: y(text.floor[i]),
        }),
      );
    svg.append(element("rect", {class: "hit", "data-i": i, x: x(i), width: slot, y: 0, height}));
  }
  const named = [],
    byHeight = Array.from({length: Math.max(0, n - 1)}, (_, i) => i + 1).sort(
      (a, b) => text.surprise[b] - text.surprise[a],
    );
  for (const i of byHeight)
    if (text.surprise[i] > 0.4 && named.every(j => Math.abs(x(i) - x(j)) > 72)) {
      named.push(i);
      const above = Math.max(text.surprise[i], finite[i] ?? 0),
        end = x(i) > width - 40 ? "end" : "middle";
      svg.append(
        element(
          "text",
          {class: "name", x: x(i) + slot / 2, y: y(above) - 7, "text-anchor": end},
          mark(i) ?? visible(tokenizer.label(text.ids[i])).replace("·", ""),
        ),
      );
    }
  showMeans();
}

function showMeans() {
  const n = text.ids.length - 1,
    mean = list => list.slice(1).reduce((a, b) => a + b, 0) / n,
    note = $("loss-note");
  if (n < 1) return;
  const loss = mean(text.surprise).toFixed(3),
    floor = mean(text.floor),
    outside = text.floor.findIndex(f => f === Infinity);
  note.replaceChildren(element("span", {class: "key model"}), `Model: ${loss} nats a token over this text.`);
  if (grammar)
    note.append(
      " ",
      element("span", {class: "key truth"}),
      outside < 0
        ? `Floor: ${floor.toFixed(3)}.`
        : `From ${quoted(outside)} on, the grammar has no such story, so there is no floor.`,
    );
  $("loss").setAttribute(
    "aria-label",
    `Bars: the surprise of the model at each of ${n} tokens. ${note.textContent}`,
  );
}

function showPieces() {
  $("pieces").replaceChildren(
    ...text.pieces.map(piece =>
      element(
        "div",
        {class: "piece"},
        ...piece.ids.map((id, k) =>
          element(
            "span",
            {class: `tint-${(piece.at + k) % 4}`, "data-i": piece.at + k},
            mark(piece.at + k) ?? visible(tokenizer.label(id)),
            element("small", {style: "display:block"}, id),
          ),
        ),
      ),
    ),
  );
}

function makeHeads() {
  const {num_layers, num_heads} = run.config,
    columns = num_heads > 4 ? Math.min(8, num_heads) : num_heads;
  $("heads").style.gridTemplateColumns = `repeat(${columns}, 1fr)`;
  for (let layer = 0; layer < num_layers; layer++)
    for (let head = 0; head < num_heads; head++) {
      const name = `layer ${layer + 1}, head ${head + 1}`,
        input = element("input", {type: "radio", name: "head", "aria-label": name});
      input.checked = !layer && !head;
      input.addEventListener("change", () => {
        Object.assign(view, {layer, head});
        showChoice();
      });
      $("heads").append(
        element(
          "label",
          {},
          input,
          element(
            "span",
            {class: "map"},
            element("canvas", {"data-layer": layer, "data-head": head}),
            element("i"),
          ),
          name,
        ),
      );
    }
}

// One pixel for each pair of tokens, as opaque as the square root of the weight (small weights stay visible)
function showMaps() {
  const n = text.ids.length;
  for (const canvas of $("heads").querySelectorAll("canvas")) {
    const [r, g, b] = getComputedStyle(canvas).color.match(/\d+/g),
      {layer, head} = canvas.dataset;
    const image = new ImageData(n, n);
    for (let row = 0; row < n; row++)
      reader.attention[row][layer][head].forEach((weight, column) =>
        image.data.set([r, g, b, 255 * Math.sqrt(weight)], 4 * (row * n + column)),
      );
    canvas.width = canvas.height = n;
    canvas.getContext("2d").putImageData(image, 0, 0);
  }
}

// ---- what is drawn when another token is chosen

function showChoice() {
  const i = chosen();
  for (const e of document.querySelectorAll("#story [data-i], #loss [data-i]"))
    e.classList.toggle("chosen", +e.dataset.i === i);
  for (const e of $("story").children) {
    e.tabIndex = +e.dataset.i === Math.min(view.pinned, lastChoice()) ? 0 : -1;
    e.setAttribute("aria-selected", +e.dataset.i === i);
  }
  showNext(i);
  showTree(i);
  showLooks(i);
}

// The distribution from which token i is, or was, chosen, beside the true one
function showNext(i) {
  const body = $("next").tBodies[0],
    note = $("next-note"),
    where = $("next-where");
  body.replaceChildren();
  note.textContent = "";
  if (!i) {
    where.textContent = "Every text begins with this mark: nothing was before it, nothing was predicted.";
    return;
  }
  const before = text.ids
    .slice(Math.max(0, i - 6), i)
    .map((_, k, list) => (mark(i - list.length + k) ? " " : tokenizer.label(text.ids[i - list.length + k])))
    .join("")
    .trim();
  where.textContent = before ? `after “${i > 6 ? "… " : ""}${before} ▮”` : "at the beginning";
  const learned = distribution(reader.logits[i - 1]),
    used = distribution(reader.logits[i - 1], sliders());
  const truth = grammar ? grammar.next(text.branches[i - 1]) : new Map(),
    came = text.ids[i];
  const most = id => Math.max(learned[id], used[id], truth.get(id) ?? 0) + (id === came ? 1e-9 : 0);
  const rows = Array.from(learned.keys())
    .sort((a, b) => most(b) - most(a))
    .slice(0, 10)
    .filter(id => most(id) >= 0.0005 || id === came);
  if (came !== undefined && !rows.includes(came)) rows[rows.length - 1] = came;
  const largest = Math.max(...rows.map(most)),
    scale = [0.3, 0.6].find(s => s >= largest) ?? 1; // what a full bar stands for
  body.style.setProperty("--scale", 1 / scale);
  for (const id of rows) body.append(nextRow(id, learned[id], used[id], truth.get(id) ?? 0, id === came));
  const others = 1 - rows.reduce((sum, id) => sum + used[id], 0);
  note.textContent = others > 0.0005 ? `All others together: ${percent(others)} (model). ` : "";
  if (grammar && !truth.size)
    note.textContent +=
      "The grammar has no story that begins like this. (Half a word, or a space at the end, makes other tokens than the whole word.)";
  if (rows.some(id => Math.abs(used[id] - learned[id]) > 0.005))
    note.textContent += "The thin line: as learned, before the sliders.";
}

function nextRow(id, learned, used, truth, came) {
  const name = id === END ? "end" : visible(tokenizer.label(id)).replace(/^·(?=.)/, "");
  const bar = (kind, p) =>
    element("span", {class: `bar ${kind}`, style: `--p:${p}`, "data-text": percent(p)});
  const model = bar("model", used);
  if (Math.abs(used - learned) > 0.005) model.append(element("i", {style: `--raw:${learned}`}));
  const cell = (e, p) => element("td", {"aria-label": percent(p)}, e);
  return element(
    "tr",
    {class: came && "came"},
    element("th", {scope: "row", title: `token ${id}`}, name),
    cell(model, used),
    ...(grammar ? [cell(bar("truth", truth), truth)] : []),
  );
}

// The merges of the word to which token i belongs, from its bytes at the top to its tokens at the bottom
function showTree(i) {
  const piece = text.pieces.findLast(p => p.at <= Math.min(i, text.ids.length - 1));
  for (const [k, e] of [...$("pieces").children].entries())
    e.classList.toggle("chosen", text.pieces[k] === piece);
  if (piece === view.piece) return;
  view.piece = piece;
  const trees = piece.text && !piece.special ? tokenizer.trees(piece.text) : [],
    svg = $("tree"),
    steps = trees.reduce((sum, tree) => sum + tree.leaves - 1, 0);
  $("merges").max = steps;
  $("merges").value = steps;
  $("merges").disabled = !steps;
  $("tree-note").textContent = piece.special
    ? "A special token: one number, never cut, never merged."
    : !trees.length
      ? "The model wrote this token where the text itself would be cut differently."
      : `“${visible(piece.text)}”: ${plural(
          trees.reduce((sum, tree) => sum + tree.leaves, 0),
          "byte",
        )}, ${plural(steps, "merge")}, ${plural(trees.length, "token")}`;
  svg.replaceChildren();
  drawTrees(svg, trees);
  showMerges();
}

function drawTrees(svg, trees) {
  const gap = 38,
    line = 54,
    told = [];
  let leaves = 0,
    deepest = 0;
  const place = (node, root) => {
    // returns where the node stands; its children are drawn before it
    const children = node.left ? [place(node.left), place(node.right)] : [];
    const x = children.length ? (children[0].x + children[1].x) / 2 : gap * (leaves++ + 0.5);
    const level = children.length ? 1 + Math.max(...children.map(c => c.level)) : 0,
      y = 16 + line * level,
      label = visible(tokenizer.label(node.id));
    deepest = Math.max(deepest, level);
    const w = Math.max(26, 9 * label.length + 12),
      g = element("g", {"data-step": node.step ?? 0});
    for (const c of children)
      g.append(element("path", {d: `M${c.x} ${c.y + 13} C${c.x} ${c.y + 34} ${x} ${y - 34} ${x} ${y - 13}`}));
    const box = element(
      "g",
      root && {class: `root tint-${told.length % 4}`},
      element("rect", {x: x - w / 2, y: y - 13, width: w, height: 26, rx: 6}),
      element("text", {x, y: y + 5}, label),
    );
    g.append(box);
    if (node.left) g.append(element("text", {class: "rank", x, y: y + 26}, `merge ${count(node.rank + 1)}`));
    svg.append(g);
    return {x, y, level};
  };
  for (const tree of trees) {
    place(tree, true);
    told.push(`${visible(tokenizer.label(tree.id))} is token ${tree.id}`);
  }
  const width = Math.max(gap * leaves, 60),
    height = 48 + line * deepest;
  for (const [name, value] of Object.entries({
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    "aria-label": `Merge tree: ${told.join(", ")}`,
  }))
    svg.setAttribute(name, value);
}

function showMerges() {
  const made = +$("merges").value;
  $("merges-value").textContent = `${made} of ${$("merges").max}`;
  for (const g of $("tree").querySelectorAll("[data-step]"))
    g.style.opacity = +g.dataset.step > made ? 0.12 : 1;
}

// What the chosen head looked at when it had read the token before i
function showLooks(i) {
  const {layer, head} = view,
    row = Math.max(0, i - 1),
    weights = reader.attention[row][layer][head];
  for (const line of $("heads").querySelectorAll(".map i"))
    line.style.top = `calc(${(100 * (row + 0.5)) / text.ids.length}% - 1px)`;
  $("looks").replaceChildren(
    ...text.ids.map((id, k) =>
      element(
        "span",
        {
          "data-i": k,
          class: k === row ? "reader" : k > row ? "later" : null,
          style: `--w:${Math.sqrt(weights[k] ?? 0)}`,
        },
        mark(k) ?? tokenizer.label(id),
      ),
    ),
  );
  const best = Array.from(weights.keys())
    .sort((a, b) => weights[b] - weights[a])
    .slice(0, 3)
    .filter(k => weights[k] > 0.01);
  $("attention-note").textContent =
    `To predict ${quoted(i)}, head ${head + 1} of layer ${layer + 1} looks from ${quoted(row)} at ${best
      .map(k => `${quoted(k)} (${percent(weights[k])})`)
      .join(", ")}.`;
}

// ---- hands

function choose(i) {
  view.pinned = Math.max(0, Math.min(lastChoice(), i));
  view.over = null;
  showChoice();
}

for (const box of [$("story"), $("pieces"), $("looks"), $("loss")]) {
  const at = event => event.target.closest("[data-i]")?.dataset.i;
  box.addEventListener("pointerover", event => {
    if (view.timer !== null || event.pointerType === "touch") return;
    const i = at(event) ?? null;
    if (i !== null && box.id !== "looks") {
      view.over = +i;
      showChoice();
    } // not in #looks: it is drawn anew with every choice
  });
  box.addEventListener("pointerleave", () => {
    if (view.over !== null) {
      view.over = null;
      showChoice();
    }
  });
  box.addEventListener("click", event => {
    const i = at(event);
    if (i !== undefined) {
      pause();
      showButtons();
      choose(+i);
    }
  });
}

$("story").addEventListener("focusin", event => {
  if (view.timer === null && event.target.dataset.i) choose(+event.target.dataset.i);
});
$("story").addEventListener("keydown", event => {
  const to = {
    ArrowLeft: view.pinned - 1,
    ArrowUp: view.pinned - 1,
    ArrowRight: view.pinned + 1,
    ArrowDown: view.pinned + 1,
    Home: 0,
    End: Infinity,
  }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  choose(to);
  $("story").children[view.pinned].focus();
});

$("play").addEventListener("click", () => {
  if (view.timer !== null) {
    pause();
    show();
  } else play();
});
$("step").addEventListener("click", () => {
  pause();
  writeToken();
  show();
});
$("reset").addEventListener("click", () => {
  startAgain();
  show();
});
$("prompt").addEventListener("input", () => {
  startAgain();
  show();
});
$("seed").addEventListener("change", () => {
  startAgain();
  while (!ended()) writeToken();
  show();
});
$("merges").addEventListener("input", showMerges);
new ResizeObserver(showLoss).observe($("loss"));

function showSliders() {
  const {temperature, topK, topP} = sliders();
  $("temperature-value").textContent = temperature.toFixed(2);
  $("topK-value").textContent = isFinite(topK) ? topK : "all";
  $("topP-value").textContent = topP.toFixed(2);
}
for (const id of ["temperature", "topK", "topP"])
  $(id).addEventListener("input", () => {
    showSliders();
    showNext(chosen());
  });

// Without a choice the page is as light or dark as the system
$("theme").addEventListener("click", () => {
  const root = document.documentElement,
    dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  showMaps();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showMaps);

// ---- the first screen: a text is there, and its most surprising token is chosen

for (const e of document.querySelectorAll(grammar ? ".if-plain" : ".if-grammar")) e.remove();
const {num_layers, num_heads, d_model, vocab_size, context_length} = run.config;
const facts = {
  layers: plural(num_layers, "layer"),
  heads: plural(num_heads, "head"),
  width: count(d_model),
  vocabulary: count(vocab_size),
  context: count(context_length),
  parameters: count(run.shapes.reduce((sum, [, shape]) => sum + shape.reduce((a, b) => a * b), 0)),
};
for (const e of document.querySelectorAll("[data-fact]")) e.textContent = facts[e.dataset.fact];
makeHeads();
showSliders();
startAgain();
while (!ended()) writeToken();
view.pinned = text.surprise.reduce((best, s, i) => (s > text.surprise[best] ? i : best), 1);
show();
