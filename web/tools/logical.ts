import type { AcceptedPlugin, Declaration } from "postcss";

/**
 * PostCSS plugin: physical properties become logical ones, so that one stylesheet serves both writing directions.
 * FKUI ships physical rules only. Specificity and order stay as they are.
 */

const SIDE: Record<string, string> = { left: "inline-start", right: "inline-end" };
const CORNER: Record<string, string> = {
  "top-left": "start-start",
  "top-right": "start-end",
  "bottom-right": "end-end",
  "bottom-left": "end-start",
};

/** Splits a CSS value at white space outside parentheses. */
export function parts(value: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let current = "";
  for (const char of value) {
    if (char === "(") depth += 1;
    if (char === ")") depth -= 1;
    if (/\s/.test(char) && depth === 0) {
      if (current) found.push(current);
      current = "";
    } else {
      current += char;
    }
  }
  if (current) found.push(current);
  return found;
}

function renamed(property: string): string | null {
  const edge = /^(scroll-)?(margin|padding|border)-(left|right)(-(?:width|style|color))?$/.exec(property);
  if (edge) return `${edge[1] ?? ""}${edge[2]}-${SIDE[edge[3]]}${edge[4] ?? ""}`;
  const corner = /^border-((?:top|bottom)-(?:left|right))-radius$/.exec(property);
  if (corner) return `border-${CORNER[corner[1]]}-radius`;
  return SIDE[property] ? `inset-${SIDE[property]}` : null;
}

function boxSides(declaration: Declaration): void {
  const [top, right, bottom, left] = parts(declaration.value);
  if (left === undefined || right === left) return;
  declaration.cloneBefore({ prop: `${declaration.prop}-block`, value: `${top} ${bottom}` });
  declaration.prop += "-inline";
  declaration.value = `${left} ${right}`;
}

function boxCorners(declaration: Declaration): void {
  const values = parts(declaration.value);
  if (values.length !== 4 || declaration.value.includes("/")) return;
  const names = ["start-start", "start-end", "end-end", "end-start"];
  names.slice(0, 3).forEach((name, at) => declaration.cloneBefore({ prop: `border-${name}-radius`, value: values[at] }));
  declaration.prop = `border-${names[3]}-radius`;
  declaration.value = values[3];
}

function rewrite(declaration: Declaration): void {
  const { prop, value } = declaration;
  const name = renamed(prop);
  if (name) declaration.prop = name;
  else if (prop === "text-align" && SIDE[value]) declaration.value = value === "left" ? "start" : "end";
  else if ((prop === "float" || prop === "clear") && SIDE[value]) declaration.value = SIDE[value];
  else if (prop === "margin" || prop === "padding") boxSides(declaration);
  else if (prop === "border-radius") boxCorners(declaration);
}

const SEEN = Symbol("logical");

export function logical(): AcceptedPlugin {
  return {
    postcssPlugin: "physical-to-logical",
    Declaration(declaration: Declaration & { [SEEN]?: true }) {
      if (declaration[SEEN]) return;
      declaration[SEEN] = true;
      rewrite(declaration);
    },
  };
}
