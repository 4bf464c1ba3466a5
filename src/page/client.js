// What the server is asked, and with which token. The token is kept in this tab's session and sent
// to /api only.

const storageKey = "pg_hello token";
const longestAnswerMs = 10_000;

let token = null;
try {
  token = sessionStorage.getItem(storageKey);
} catch {
  // Storage is blocked: the token lives as long as the page.
}

export function hasToken() {
  return token !== null;
}

// False if it cannot be one (RFC 6750 2.1); null forgets it.
export function setToken(text) {
  if (text !== null && !/^[\x21-\x7e]+$/.test(text)) return false;
  token = text;
  try {
    if (text === null) sessionStorage.removeItem(storageKey);
    else sessionStorage.setItem(storageKey, text);
  } catch {
    // As above.
  }
  return true;
}

// {status, body}; the body is null if it is no JSON. Rejects if there is no answer, or if `signal`
// is given.
export async function ask(path, signal) {
  const headers = { Accept: "application/json" };
  if (token !== null && path.startsWith("api/")) headers.Authorization = `Bearer ${token}`;
  const limit = AbortSignal.timeout(longestAnswerMs);
  const answer = await fetch(path, { headers, cache: "no-store", signal: AbortSignal.any([signal, limit]) });
  const text = await answer.text();
  try {
    return { status: answer.status, body: JSON.parse(text) };
  } catch {
    return { status: answer.status, body: null };
  }
}
