/** Days and times of day as people write them by hand. */

const DAY = /^(?:(\d{4})[-/. ]?(\d{1,2})[-/. ]?(\d{1,2})|(\d{1,2})[-/. ](\d{1,2})\.?)$/;
const TIME = /^(\d{1,2})(?:[:.,]?([0-5]\d))?$/;

/** `YYYY-MM-DD` of 2026-12-01, 20261201, or 1/12: then the next such day from `today` on. Empty for what is no day. */
export function readDay(text: string, today: string): string {
  const found = DAY.exec(text.trim());
  if (!found) return "";
  const [, year, month, dayOfMonth, shortDay, shortMonth] = found;
  if (year) return real(year, month, dayOfMonth);
  const thisYear = real(today.slice(0, 4), shortMonth, shortDay);
  return thisYear >= today ? thisYear : real(String(Number(today.slice(0, 4)) + 1), shortMonth, shortDay);
}

function real(year: string, month: string, dayOfMonth: string): string {
  const written = `${year}-${month.padStart(2, "0")}-${dayOfMonth.padStart(2, "0")}`;
  const instant = new Date(`${written}T12:00:00Z`);
  return Number.isNaN(instant.getTime()) || instant.toISOString().slice(0, 10) !== written ? "" : written;
}

/** `HH:MM` of 9, 930, 9.30 or 09:30; empty for what is no time of day. */
export function readTime(text: string): string {
  const [, hours, minutes = "00"] = TIME.exec(text.trim()) ?? [];
  return hours === undefined || Number(hours) > 23 ? "" : `${hours.padStart(2, "0")}:${minutes}`;
}
