export const LANGUAGES: string[];
export function sizes(role: string, language: string): { first: number; all: number };
