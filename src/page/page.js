// When the server is asked, and what is said when it does not answer.
import { chooseFunction, chosenByAddress, chosenPath, showChosen } from "./chosen.js";
import { ask, hasToken, setToken } from "./client.js";
import { clockTime, visible } from "./format.js";
import { firstFunction, historyOf, keyOf, listPath, markChosen, setUpFunctions, showFunctions } from "./functions.js";
import { activePath, showActive, showHealth } from "./state.js";
import { byId, setText } from "./tables.js";

const usualMs = 3000;
const manyMs = 5000;      // with so many functions that an answer is long
const many = 300;
const secondMs = 1000;    // after the first poll, so that there are rates soon

let running = null;       // the AbortController of the poll under way
let timer = null;
let paused = false;
let lastAnswerMs = Date.now();
let isLost = false;
let isFresh = true;       // no poll, or a long pause, before this one
let verdict = "unknown";

function announce(text) {
  setText(byId("announcement"), text);
}

// --- the connection ------------------------------------------------------------------------------------

function setTitle() {
  const state = isLost ? "no connection" : verdict === "pass" ? "" : verdict;
  document.title = state === "" || hasAsked() ? "pg_hello" : `${state} \u2013 pg_hello`;
}

function setLost(text) {
  byId("connection").classList.toggle("lost", text !== null);
  if (text !== null) setText(byId("connection"), text);
  if (isLost === (text !== null)) return;
  isLost = text !== null;
  announce(isLost ? text : "Connected again.");
  isFresh = true;
}

function showConnection(intervalMs) {
  const at = clockTime(lastAnswerMs);
  if (paused) setText(byId("connection"), `Paused at ${at}`);
  else if (!isLost) setText(byId("connection"), `${at}, every ${intervalMs / 1000} s`);
}

// --- the token -----------------------------------------------------------------------------------------

function hasAsked() {
  return !byId("token-form").hidden;
}

function askForToken(fault) {
  setText(byId("token-fault"), fault);
  if (hasAsked()) return;
  byId("token-form").hidden = false;
  byId("numbers").hidden = true;
  byId("forget").hidden = true;
  setText(byId("connection"), "Waiting for a token");
  byId("token").focus();
}

function setUpToken() {
  byId("token-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!setToken(byId("token").value.trim())) {
      setText(byId("token-fault"), "This is no token: it has other characters, or none.");
      return;
    }
    byId("token").value = "";
    pollNow();
  });
  byId("forget").addEventListener("click", () => {
    setToken(null);
    location.reload();
  });
}

// --- polling -------------------------------------------------------------------------------------------

function choose(stats) {
  chooseFunction(stats, historyOf(stats));
  markChosen(keyOf(stats));
  announce(`${visible(stats.function ?? "A function")} is chosen.`);
  pollNow();
}

// Shows the answers to one poll and returns how long to wait for the next.
function show([list, active, health, detail]) {
  if (health.body !== null) {
    const now = showHealth(health.body);
    if (verdict !== "unknown" && verdict !== now) announce(`Health: ${now}.`);
    verdict = now;
  }
  const refused = [list, active, detail].find((answer) => answer?.status === 401);
  if (refused !== undefined) {
    askForToken(hasToken() ? "This token was not accepted." : "");
    setToken(null);
    return null;
  }
  byId("token-form").hidden = true;
  byId("numbers").hidden = false;
  byId("forget").hidden = !hasToken();
  setText(byId("filter-fault"), list.status === 400 ? visible(String(list.body?.error ?? "")) : "");
  const failed = [list, active, detail].find((answer) => answer && (answer.status >= 500 || answer.body === null));
  if (failed !== undefined) {
    setLost(`The server answers ${failed.status}; last numbers at ${clockTime(lastAnswerMs)}`);
    return usualMs;
  }
  setLost(null);
  lastAnswerMs = Date.now();
  if (list.status === 200) showFunctions(list.body);
  if (active.status === 200) showActive(active.body, choose);
  if (detail !== null) showChosen(detail);
  return list.body.functions?.length > many ? manyMs : usualMs;
}

async function poll() {
  running = new AbortController();
  const { signal } = running;
  const paths = [listPath(), activePath, "health?verbose", chosenPath()];
  const answers = await Promise.all(paths.map((path) => (path === null ? null : ask(path, signal)))).catch(() => null);
  if (signal.aborted) return;
  running = null;
  let waitMs = usualMs;
  if (answers !== null) waitMs = show(answers);
  else setLost(`No connection since ${clockTime(lastAnswerMs)}; trying again`);
  setTitle();
  if (waitMs === null) return;
  showConnection(waitMs);
  const none = chosenPath() === null ? firstFunction() : null;
  if (none !== null) {
    chooseFunction(none, historyOf(none));
    markChosen(keyOf(none));
  }
  if (paused || document.hidden) return;
  timer = setTimeout(poll, isFresh && !isLost ? secondMs : waitMs);
  isFresh = isLost;
}

function stop() {
  clearTimeout(timer);
  running?.abort();
  running = null;
}

function pollNow() {
  stop();
  poll();
}

function setUp() {
  setText(byId("server"), location.host);
  setUpFunctions(pollNow, choose);
  setUpToken();
  const named = chosenByAddress();
  if (named !== null) {
    chooseFunction(named, historyOf(named));
    markChosen(keyOf(named));
  }
  byId("pause").addEventListener("click", () => {
    paused = !paused;
    byId("pause").setAttribute("aria-pressed", String(paused));
    isFresh = true;
    if (paused) {
      stop();
      showConnection(usualMs);
    } else {
      pollNow();
    }
  });
  document.addEventListener("visibilitychange", () => {
    stop();
    isFresh = true;
    if (!document.hidden && !paused && !hasAsked()) pollNow();
  });
  poll();
}

setUp();
