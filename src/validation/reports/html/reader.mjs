// The page's own script: plain JavaScript, since a browser runs it as it is. All text goes in as text, never as markup.

const CHUNK = 500;
const LONGEST_LINE = 4000;
const logs = new Map();

for (const details of document.querySelectorAll("details.log"))
  details.addEventListener("toggle", () => details.open && openLog(details));
for (const button of document.querySelectorAll("button.copy"))
  button.addEventListener("click", () => copy(button));
document.addEventListener("keydown", onKey);
window.addEventListener("hashchange", follow);
const filter = document.getElementById("filter");
let waiting;
filter.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(filterSteps, 150);
});
follow();

function linesOf(id) {
  const known = logs.get(id);
  if (known) return known;
  const element = document.getElementById(`log-${id}`);
  const lines = JSON.parse(element.textContent).replace(/\n$/, "").split("\n");
  logs.set(id, lines);
  return lines;
}

/** Lines are elements only where somebody looks: a log may have hundreds of thousands. */
function openLog(details) {
  if (details.view) return details.view;
  const id = details.dataset.log;
  const lines = linesOf(id);
  const box = details.querySelector(".lines");
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries)
        if (isIntersecting) fill(Number(target.dataset.chunk));
    },
    { root: box, rootMargin: "800px 0px" },
  );
  const chunks = [];
  for (let at = 0; at < lines.length; at += CHUNK) {
    const chunk = document.createElement("div");
    chunk.dataset.chunk = String(chunks.length);
    chunk.style.minHeight = `${Math.min(CHUNK, lines.length - at) * 1.45}em`;
    chunks.push(chunk);
  }
  box.append(...chunks);
  for (const chunk of chunks) observer.observe(chunk);

  function fill(number) {
    const chunk = chunks[number];
    if (chunk.firstChild) return;
    observer.unobserve(chunk);
    const first = number * CHUNK;
    chunk.append(...lines.slice(first, first + CHUNK).map((text, i) => lineOf(id, first + i + 1, text)));
    chunk.style.minHeight = "";
  }

  function goTo(number) {
    fill(Math.floor((number - 1) / CHUNK));
    const line = document.getElementById(`${id}-L${number}`);
    for (const old of box.querySelectorAll(".here")) old.classList.remove("here");
    line?.classList.add("here");
    line?.scrollIntoView({ block: "center" });
  }

  details.view = { goTo, ...searchOf(details, lines, goTo) };
  if (filter.value !== "") details.view.search(filter.value);
  return details.view;
}

function lineOf(id, number, text) {
  const line = document.createElement("div");
  line.id = `${id}-L${number}`;
  line.className = kindOf(text);
  const link = document.createElement("a");
  link.href = `#${line.id}`;
  link.textContent = String(number);
  link.tabIndex = -1;
  const content = document.createElement("span");
  content.textContent =
    text.length > LONGEST_LINE ? `${text.slice(0, LONGEST_LINE)}… (${text.length} characters)` : text;
  line.append(link, content);
  return line;
}

function kindOf(text) {
  const start = text.slice(0, 400);
  if (/\b(?:error|fail(?:ed|ure|ures)?|panic|exception|fatal)\b|[✖✗×]|^\s*not ok\b/i.test(start))
    return "bad";
  if (/\bwarn(?:ing|ings)?\b/i.test(start)) return "warn";
  return /^\s*(?:ok\b|[✓✔])|\bpassed\b/i.test(start) ? "good" : "";
}

function searchOf(details, lines, goTo) {
  const input = details.querySelector("input");
  const output = details.querySelector("output");
  let hits = [];
  let at = -1;
  const step = (by) => {
    if (hits.length === 0) return;
    at = (at + by + hits.length) % hits.length;
    output.textContent = `${at + 1} of ${hits.length} lines`;
    goTo(hits[at]);
  };
  const search = (text) => {
    input.value = text;
    const wanted = text.toLowerCase();
    hits =
      wanted === "" ? [] : lines.flatMap((line, i) => (line.toLowerCase().includes(wanted) ? [i + 1] : []));
    at = -1;
    output.textContent = wanted === "" ? "" : hits.length === 0 ? "not found" : "";
    step(1);
  };
  input.addEventListener("input", () => search(input.value));
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    step(event.shiftKey ? -1 : 1);
  });
  for (const button of details.querySelectorAll("button[data-go]"))
    button.addEventListener("click", () => step(Number(button.dataset.go)));
  return { search };
}

function filterSteps() {
  const wanted = filter.value.toLowerCase();
  const steps = [...document.querySelectorAll("details.step")];
  let shown = 0;
  let lines = 0;
  for (const step of steps) {
    const ofLogs = [...step.querySelectorAll("details.log")].map((log) => {
      const found =
        wanted === ""
          ? 0
          : linesOf(log.dataset.log).filter((line) => line.toLowerCase().includes(wanted)).length;
      if (log.view && log.open) log.view.search(filter.value);
      return found;
    });
    const found = ofLogs.reduce((sum, n) => sum + n, 0);
    const isNamed = step.querySelector("summary").textContent.toLowerCase().includes(wanted);
    step.hidden = found === 0 && !isNamed;
    if (!step.hidden) shown++;
    lines += found;
  }
  document.getElementById("found").textContent =
    wanted === "" ? "" : `${shown} of ${steps.length} steps, ${lines} lines in logs`;
}

/** Opens what an address names, and all around it. */
function follow() {
  const named = /^#(c\d+(?:s\d+(?:r\d+)?)?)(?:-L(\d+))?$/.exec(location.hash);
  const target = named && document.getElementById(named[1]);
  if (!target) return;
  for (let at = target; at; at = at.parentElement) if (at.localName === "details") at.open = true;
  const log = named[2] && document.querySelector(`details[data-log="${named[1]}"]`);
  if (!log) {
    target.scrollIntoView();
    return;
  }
  log.open = true;
  openLog(log).goTo(Number(named[2]));
}

async function copy(button) {
  const code = button.parentElement.querySelector("code");
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(code);
    button.textContent = "Selected";
  }
}

function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.localName === "input") return;
  if (event.key === "/") {
    event.preventDefault();
    filter.focus();
  }
  if (event.key !== "j" && event.key !== "k") return;
  const problems = [...document.querySelectorAll("article.problem")];
  const at = problems.indexOf(document.activeElement?.closest("article.problem"));
  const next = problems[event.key === "j" ? at + 1 : Math.max(0, at - 1)];
  next?.focus();
  next?.scrollIntoView({ block: "start" });
}
