// Text to token ids and back, as basics.bpe.Tokenizer does it.
"use strict";

const utf8 = new TextEncoder();

class Tokenizer {
  // tokens: id -> its bytes, written as a string whose characters are the bytes (null where an id is free)
  // merges: [left id, right id, merged id] in the order they were learned
  // special: strings that are one token each; classes: the letters, numbers and spaces of Python's `regex`
  constructor({tokens, merges, special, classes}) {
    this.tokens = tokens;
    this.special = new Map(special);
    this.byteIds = Array.from({length: 256}, (_, b) => tokens.indexOf(String.fromCharCode(b)));
    this.merges = new Map();
    merges.forEach(([left, right, id], rank) => {
      const pair = `${left} ${right}`;
      if (!this.merges.has(pair)) this.merges.set(pair, {id, rank});
    });
    this.known = new Map(); // pre-token -> its merge trees
    const {letters: L, numbers: N, spaces: S} = classes;
    // GPT-2's pattern. Two things differ in JavaScript: its \s is not Python's (it has U+FEFF and lacks U+0085), and \p{L}
    // is that of the browser's year. So the classes come from Python. The flag "u" makes one match of one code point.
    this.pattern = new RegExp(
      `'(?:[sdmt]|ll|ve|re)| ?[${L}]+| ?[${N}]+| ?[^${S}${L}${N}]+|[${S}]+(?![^${S}])|[${S}]+`,
      "gu",
    );
    const longestFirst = [...this.special.keys()].sort((a, b) => b.length - a.length);
    this.specialPattern = new RegExp(
      longestFirst.map(s => s.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("|"),
      "gu",
    );
  }

  pretokens(text) {
    return text.match(this.pattern) ?? [];
  }

  // The merges of one pre-token, replayed: always the pair learned first, and of equal ones the leftmost.
  // Returns the trees that are left, one for each token; a node keeps its children, its rank and when it was made.
  trees(word) {
    if (this.known.has(word)) return this.known.get(word);
    let nodes = Array.from(utf8.encode(word), byte => ({id: this.byteIds[byte], leaves: 1}));
    if (nodes.some(node => node.id < 0))
      throw new Error(`the vocabulary has no token for a byte of ${JSON.stringify(word)}`);
    for (let step = 1; ; step++) {
      let best = null,
        at = -1;
      for (let i = 0; i + 1 < nodes.length; i++) {
        const merge = this.merges.get(`${nodes[i].id} ${nodes[i + 1].id}`);
        if (merge && (!best || merge.rank < best.rank)) [best, at] = [merge, i];
      }
      if (!best) break;
      const [left, right] = nodes.slice(at, at + 2);
      nodes.splice(at, 2, {...best, left, right, step, leaves: left.leaves + right.leaves});
    }
    if (this.known.size > 5000) this.known.clear();
    this.known.set(word, nodes);
    return nodes;
  }

  // The text as pieces, special tokens and pre-tokens in order: {text, ids, special}
  pieces(text) {
    const pieces = [];
    const plain = part => {
      for (const word of this.pretokens(part))
        pieces.push({text: word, ids: this.trees(word).map(n => n.id)});
    };
    let start = 0;
    for (const m of this.special.size ? text.matchAll(this.specialPattern) : []) {
      plain(text.slice(start, m.index));
      pieces.push({text: m[0], ids: [this.special.get(m[0])], special: true});
      start = m.index + m[0].length;
    }
    plain(text.slice(start));
    return pieces;
  }

  encode(text) {
    return this.pieces(text).flatMap(piece => piece.ids);
  }

  decode(ids) {
    const bytes = ids.map(id => this.tokens[id] ?? "").join("");
    return new TextDecoder("utf-8", {ignoreBOM: true}).decode(Uint8Array.from(bytes, c => c.charCodeAt(0)));
  }

  // A token as a person may see it: its text, or its bytes in hexadecimal where they are only a part of a character
  label(id) {
    const bytes = Uint8Array.from(this.tokens[id] ?? "", c => c.charCodeAt(0));
    if (!bytes.length) return `#${id}`;
    try {
      return new TextDecoder("utf-8", {fatal: true, ignoreBOM: true}).decode(bytes);
    } catch {
      return Array.from(bytes, b => b.toString(16).toUpperCase().padStart(2, "0")).join(" ");
    }
  }
}
