// The Transformer of basics.layers, for one token after another: what is known of earlier tokens (their keys and values) is kept.
"use strict";

// Weights travel as float16 in base64; JavaScript computes with float32.
function float16(bits) {
  const sign = bits >> 15 ? -1 : 1,
    exponent = (bits >> 10) & 31,
    fraction = bits & 1023;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : (2 ** -14 * fraction) / 1024);
}

// shapes: [name, shape] in the order in which the numbers follow each other
function unpackWeights(base64, shapes) {
  const bytes = Uint8Array.from(atob(base64), c => c.charCodeAt(0)),
    view = new DataView(bytes.buffer),
    weights = {};
  let at = 0;
  for (const [name, shape] of shapes) {
    const size = shape.reduce((a, b) => a * b);
    weights[name] = Float32Array.from({length: size}, (_, i) => float16(view.getUint16(2 * (at + i), true)));
    at += size;
  }
  return weights;
}

const add = (a, b) => a.map((value, i) => value + b[i]);
const silu = z => z / (1 + Math.exp(-z));

// y = W x, where W has a row for each number of y
function linear(W, x) {
  const n = x.length,
    y = new Float32Array(W.length / n);
  for (let o = 0, at = 0; o < y.length; o++) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += W[at++] * x[i];
    y[o] = sum;
  }
  return y;
}

// Scale to root mean square 1, then each feature by its gain; where a model has no such norm, `gain` is missing
function rmsNorm(x, gain) {
  if (!gain) return x;
  let squares = 0;
  for (const value of x) squares += value * value;
  const scale = 1 / Math.sqrt(squares / x.length + 1e-5);
  return x.map((value, i) => value * scale * gain[i]);
}

function softmax(scores) {
  const largest = scores.reduce((a, b) => Math.max(a, b), -Infinity),
    e = scores.map(s => Math.exp(s - largest));
  const sum = e.reduce((a, b) => a + b, 0);
  return e.map(value => value / sum);
}

class Reader {
  constructor(config, weights) {
    this.config = config;
    this.weights = weights;
    this.headSize = config.d_model / config.num_heads;
    this.forget(0);
  }

  // Keep the first n tokens that were read, forget the others
  forget(n) {
    const layers = this.config.num_layers,
      room = this.config.context_length * this.config.d_model;
    this.keys ??= Array.from({length: layers}, () => new Float32Array(room));
    this.values ??= Array.from({length: layers}, () => new Float32Array(room));
    this.logits = (this.logits ?? []).slice(0, n); // after each token: a score for every possible next one
    this.attention = (this.attention ?? []).slice(0, n); // of each token: [layer][head] -> weights over the tokens so far
    this.length = n;
  }

  // Read one more token; returns the scores of what may follow
  read(id) {
    const {d_model, num_layers, norm, positions} = this.config,
      w = this.weights,
      t = this.length;
    let x = w["token_embeddings.weight"].slice(id * d_model, (id + 1) * d_model);
    if (positions === "learned")
      x = add(x, w["position_embeddings.weight"].slice(t * d_model, (t + 1) * d_model));
    this.attention[t] = [];
    for (let layer = 0; layer < num_layers; layer++) {
      const of = name => w[`layers.${layer}.${name}.weight`];
      if (norm === "post") {
        x = rmsNorm(add(x, this.attend(layer, x, of)), of("ln1"));
        x = rmsNorm(add(x, this.feedForward(x, of)), of("ln2"));
      } else {
        x = add(x, this.attend(layer, rmsNorm(x, of("ln1")), of));
        x = add(x, this.feedForward(rmsNorm(x, of("ln2")), of));
      }
    }
    this.length++;
    // a model with tied embeddings reads and scores tokens with one matrix
    return (this.logits[t] = linear(
      w["lm_head.weight"] ?? w["token_embeddings.weight"],
      rmsNorm(x, w["ln_final.weight"]),
    ));
  }

  feedForward(x, of) {
    const gate = linear(of("ffn.w1"), x).map(silu);
    if (this.config.ffn === "silu") return linear(of("ffn.w2"), gate);
    const value = linear(of("ffn.w3"), x);
    return linear(
      of("ffn.w2"),
      gate.map((g, i) => g * value[i]),
    );
  }

  // The newest token gathers from itself and from those before it, head by head
  attend(layer, x, of) {
    const t = this.length,
      d = this.config.d_model,
      size = this.headSize,
      keys = this.keys[layer],
      values = this.values[layer];
    const q = this.place(linear(of("attn.q_proj"), x), of("attn.q_norm"));
    keys.set(this.place(linear(of("attn.k_proj"), x), of("attn.k_norm")), t * d);
    values.set(linear(of("attn.v_proj"), x), t * d);
    const gathered = new Float32Array(d);
    this.attention[t][layer] = Array.from({length: this.config.num_heads}, (_, head) => {
      const from = head * size,
        scores = new Float32Array(t + 1);
      for (let s = 0; s <= t; s++) {
        let dot = 0;
        for (let i = from; i < from + size; i++) dot += q[i] * keys[s * d + i];
        scores[s] = dot / Math.sqrt(size);
      }
      const weights = softmax(scores);
      for (let s = 0; s <= t; s++)
        for (let i = from; i < from + size; i++) gathered[i] += weights[s] * values[s * d + i];
      return weights;
    });
    return linear(of("attn.output_proj"), gathered);
  }

  // A query or key, each head normalised if the model does so, and its neighbouring pairs turned by the token's position
  place(x, gain) {
    const {positions, rope_theta} = this.config,
      size = this.headSize,
      out = new Float32Array(x.length);
    for (let from = 0; from < x.length; from += size)
      out.set(rmsNorm(x.slice(from, from + size), gain), from);
    if (positions !== "rope") return out;
    for (let i = 0; i < out.length; i += 2) {
      const angle = this.length * rope_theta ** (-(i % size) / size),
        cos = Math.cos(angle),
        sin = Math.sin(angle);
      [out[i], out[i + 1]] = [out[i] * cos - out[i + 1] * sin, out[i] * sin + out[i + 1] * cos];
    }
    return out;
  }
}

// From scores to the distribution that is drawn from, as basics.decoding.next_token_probabilities:
// temperature, then top-k (so many of the likeliest), then top-p (the likeliest that reach this probability together)
function distribution(logits, {temperature = 1, topK = Infinity, topP = 1} = {}) {
  const order = Array.from(logits.keys()).sort((a, b) => logits[b] - logits[a] || a - b),
    result = new Float64Array(logits.length);
  if (temperature === 0) {
    result[order[0]] = 1;
    return result;
  }
  const p = softmax(Float64Array.from(logits, score => score / temperature));
  const best = order.slice(0, topK),
    sum = best.reduce((a, i) => a + p[i], 0);
  let before = 0,
    kept = 0;
  for (const i of best) {
    if (topP < 1 && before >= topP * (1 - 1e-6)) break;
    result[i] = p[i] / sum;
    kept += result[i];
    before += result[i];
  }
  return result.map(value => value / kept);
}

// Random numbers in [0, 1) that a seed decides (Math.random takes none): mulberry32
function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let z = Math.imul(state ^ (state >>> 15), 1 | state);
    z = (z + Math.imul(z ^ (z >>> 7), 61 | z)) ^ z;
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
}

// The id at which the running sum of the probabilities passes the random number u
function draw(probabilities, u) {
  let last = 0;
  for (let id = 0; id < probabilities.length; id++)
    if (probabilities[id] > 0) {
      last = id;
      if ((u -= probabilities[id]) < 0) break;
    }
  return last;
}
