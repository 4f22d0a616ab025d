// What the grammar says about the next token, exactly. A story is written by choices; the choices that are still possible after
// some tokens are kept as branches, each with its probability. A branch is written on only until its next token is certain.
"use strict";

class TrueGrammar {
  // rules: {"{slot} | {partner}": {"text | text": weight}}, as basics.data.Grammar reads them; end: id of the end-of-text token
  constructor(rules, start, tokenizer, end) {
    const parts = text => text.match(/\{\w+\}|[^{]+/g);
    this.tokenizer = tokenizer;
    this.end = end;
    this.options = {};
    for (const [header, weights] of Object.entries(rules)) {
      const slots = header.split(" | "),
        total = Object.values(weights).reduce((a, b) => a + b);
      this.options[slots[0]] = Object.entries(weights).map(([columns, weight]) => {
        const texts = columns.split(" | ");
        return {
          p: weight / total,
          fills: Object.fromEntries(slots.map((slot, i) => [slot, parts(texts[i])])),
        };
      });
    }
    this.document = ["\n", start, "\n"]; // between two end-of-text tokens
  }

  // All that may come after an end-of-text token
  begin() {
    return [{p: 1, todo: this.document, filled: {}, text: "", tokens: []}];
  }

  // Branches with a certain next token; the total of their probabilities is 1
  possible(branches) {
    const done = [],
      open = [...branches];
    while (open.length) {
      const branch = open.pop();
      if (branch.tokens.length) done.push(branch);
      else open.push(...this.writeOn(branch));
    }
    const total = done.reduce((a, branch) => a + branch.p, 0);
    return done.map(branch => ({...branch, p: branch.p / total}));
  }

  // One part more of a branch: a text, a slot that was filled before, or a choice, which makes a branch of each option
  writeOn({p, todo, filled, text, tokens}) {
    if (!todo.length)
      return [{p, todo, filled, text: "", tokens: [...this.tokenizer.encode(text), this.end]}];
    const [part, ...rest] = todo;
    if (part[0] !== "{") return [{p, todo: rest, filled, ...this.certain(text + part)}];
    if (filled[part]) return [{p, todo: [...filled[part], ...rest], filled, text, tokens}];
    return this.options[part].map(option => ({
      p: p * option.p,
      todo: [...option.fills[part], ...rest],
      filled: {...filled, ...option.fills},
      text,
      tokens,
    }));
  }

  // The tokens of a text that may go on: those of the pre-tokens that end two characters before it does
  // (what follows can lengthen the last one, and make "'l" a part of "'ll")
  certain(text) {
    const tokens = [];
    let at = 0;
    for (const word of this.tokenizer.pretokens(text)) {
      if (at + word.length > text.length - 2) break;
      tokens.push(...this.tokenizer.trees(word).map(node => node.id));
      at += word.length;
    }
    return {text: text.slice(at), tokens};
  }

  // The branches after one more token; null where no story goes on so
  read(branches, id) {
    if (id === this.end) return this.begin();
    const left = this.possible(branches ?? []).filter(branch => branch.tokens[0] === id);
    return left.length ? left.map(branch => ({...branch, tokens: branch.tokens.slice(1)})) : null;
  }

  // Map: token id -> probability that it comes next; empty where no story goes on
  next(branches) {
    const result = new Map();
    for (const {
      tokens: [id],
      p,
    } of this.possible(branches ?? []))
      result.set(id, (result.get(id) ?? 0) + p);
    return result;
  }
}
