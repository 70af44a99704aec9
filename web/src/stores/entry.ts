/** How somebody comes in: by a one-time link, or by an access token that their own system has got for them. */
import type { Standing } from "../media/session";
import type { LinkInfo, TokenAnswer } from "../wire";
import { ApiError, linkInfo, redeem } from "./api";

export interface Entry {
  token: () => Promise<string>;
  /** Somebody has pressed to come in, and will in a moment. */
  ahead?: () => void;
  /** For whom it is and for what, without coming in; null for somebody who comes back. */
  about: () => Promise<LinkInfo | null>;
  /** The session that this tab had before it was loaded anew. */
  standing?: () => Standing | null;
  keep?: (standing: Standing) => void;
}

/** Of a token's time, how much may have passed before it is used. */
const FRESH = 0.5;

export function byLink(code: string, now: () => number = () => performance.now()): Entry {
  let early: { at: number; answer: Promise<TokenAnswer | null> } | null = null;

  /** One that has been got before, if that went well and is not long ago. */
  async function kept(): Promise<string | null> {
    const { at, answer } = early ?? { at: 0, answer: null };
    early = null;
    const found = await answer;
    return found && now() - at < FRESH * 1000 * found.expires_in ? found.access_token : null;
  }

  return {
    token: async () => (await kept()) ?? (await redeem(code)).access_token,
    ahead: () => (early = { at: now(), answer: redeem(code).catch(() => null) }),
    about: () => linkInfo({ code }),
  };
}

let pressed: string | null = null;

/** Somebody has pressed a button of ours to come in by this link: its page asks for no second press. */
export function pressedFor(code: string): void {
  pressed = code;
}

/** Once only: whoever loads the page anew presses anew, since browsers let it make no sound before. */
export function wasPressed(code: string): boolean {
  const was = pressed === code;
  pressed = null;
  return was;
}

const TOKEN = "motesrum-token";
const STANDING = "motesrum-standing";

/**
 * The token stands behind the `#` of the address, which browsers send nowhere. It is taken out of the address at once
 * and kept for this tab only; what lasts beyond its ten minutes is the session.
 */
export function byToken(place: Location = window.location, kept: Storage = sessionStorage): Entry {
  const arrived = place.hash.slice(1);
  if (arrived) {
    kept.setItem(TOKEN, arrived);
    kept.removeItem(STANDING);
    history.replaceState(history.state, "", place.pathname + place.search);
  }
  return {
    token: async () => {
      const token = kept.getItem(TOKEN);
      if (!token) throw new ApiError(0, "token_missing", "There is no token in the address");
      return token;
    },
    about: async () => {
      const token = kept.getItem(TOKEN);
      return token && !kept.getItem(STANDING) ? linkInfo({ token }) : null;
    },
    standing: () => read(kept.getItem(STANDING)),
    keep: (standing) => kept.setItem(STANDING, JSON.stringify(standing)),
  };
}

function read(text: string | null): Standing | null {
  const found = text ? (JSON.parse(text) as Partial<Standing>) : {};
  const { session, secret, lastEvent } = found;
  return session && secret ? { session, secret, lastEvent: lastEvent ?? 0 } : null;
}
