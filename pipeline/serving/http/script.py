"""The script of `/`: the form's fields -> a request -> its answer, as text only."""

SCRIPT = """
"use strict";
const form = document.getElementById("try");
const answer = document.getElementById("answer");
const signature = document.getElementById("signature");

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function choose() {
  for (const part of form.querySelectorAll("fieldset"))
    part.hidden = part.dataset.signature !== signature.value;
}

function number(text, name) {
  if (text.trim() === "") return null;
  const value = Number(text);
  if (!Number.isFinite(value)) throw new Error(
    `${name} must be a number. Received: ${text}. Expected: one like 0.5, or nothing.`);
  return value;
}

function base64(file, name) {
  if (!file) throw new Error(`${name} needs a file. Expected: an image.`);
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.split(",")[1] || "");
    reader.onerror = () => reject(new Error(`${file.name} cannot be read`));
    reader.readAsDataURL(file);
  });
}

async function request() {
  const inputs = Object.create(null), params = { signature: signature.value };
  for (const field of form.querySelectorAll("input, select, textarea")) {
    if (field.closest("fieldset[hidden]")) continue;
    const { number: n, date: d, text: t, file: f, knob: k } = field.dataset;
    if (n !== undefined) inputs[n] = [number(field.value, n)];
    if (d !== undefined) inputs[d] = [field.value.trim() || null];
    if (t !== undefined) inputs[t] = [field.value];
    if (f !== undefined) inputs[f] = [await base64(field.files[0], f)];
    if (k !== undefined && field.value.trim()) params[k] = number(field.value, k);
  }
  return { inputs, params };
}

function rows(row) {
  const table = element("table");
  const add = (name, value, share) => {
    const line = table.appendChild(element("tr"));
    line.appendChild(element("td", name));
    const cell = line.appendChild(element("td", value));
    if (share === undefined) return;
    cell.append(" ");
    const bar = cell.appendChild(element("span", undefined, "bar"));
    bar.style.width = `${8 * share}em`;
  };
  for (const name of ["label", "text"]) if (name in row) add(name, row[name]);
  if (row.probs) {
    const order = row.probs.map((p, i) => [p, row.labels[i]]);
    order.sort((a, b) => b[0] - a[0]);
    for (const [p, label] of order.slice(0, 10))
      add(`P(${label})`, p.toPrecision(4), p);
  } else if ("log_prob" in row) {
    add("ln P", `${row.log_prob.toPrecision(5)} nats`);
    if (!("tokens" in row)) add("P", Math.exp(row.log_prob).toPrecision(4));
  }
  if (row.truncated) add("", "cut at max_length");
  return table;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  answer.replaceChildren(element("p", "…"));
  try {
    const reply = await fetch("invocations", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(await request()),
    });
    const given = await reply.json();
    if (!reply.ok) throw new Error(given.message);
    const [row] = given.predictions;
    const whole = element("details");
    whole.append(element("summary", "the whole answer"));
    whole.append(element("pre", JSON.stringify(row)));
    answer.replaceChildren(rows(row), whole);
  } catch (error) {
    answer.replaceChildren(element("p", error.message, "error"));
  }
});
signature.addEventListener("change", choose);
choose();
"""
