// Numbers, times and names as people read them. null is "not known".

const unknown = "\u2013";
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

export function count(number) {
  return number === null ? unknown : whole.format(number);
}

// Three digits, or more if they stand before the point.
export function decimal(number) {
  if (number === null) return unknown;
  if (number > 0 && number < 0.001) return "< 0.001";
  return (number < 1000 ? short : whole).format(number);
}

const durationUnits = [
  ["ns", 1], ["\u00b5s", 1e3], ["ms", 1e6], ["s", 1e9], ["min", 60e9], ["h", 3600e9], ["d", 86400e9], ["", Infinity],
];

export function duration(ns) {
  if (ns === null) return unknown;
  if (ns === 0) return "0 s";
  const next = durationUnits.findIndex(([, size], i) => i > 0 && Number(ns.toPrecision(3)) < size);
  const [unit, size] = durationUnits[Math.max(next, 1) - 1];
  return `${decimal(ns / size)} ${unit}`;
}

// "2026-11-25 02:33:06", local time.
export function moment(us) {
  return new Date(us / 1000).toLocaleString("sv-SE");
}

export function clockTime(ms) {
  return new Date(ms).toLocaleTimeString("sv-SE");
}

// A name as it is, but with what cannot be seen, and what would turn the text around it, spelled out.
export function visible(name) {
  return name.replace(
    /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
