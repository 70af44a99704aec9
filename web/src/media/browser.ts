/** Whose browser this is, as far as people must be shown where to press in it. */
export type BrowserFamily = "chromium" | "firefox" | "safari";

export function browserFamily(userAgent: string): BrowserFamily {
  if (/Firefox|FxiOS/.test(userAgent)) return "firefox";
  if (/Chrome|Chromium|CriOS|Edg/.test(userAgent)) return "chromium";
  return /Safari/.test(userAgent) ? "safari" : "chromium";
}
