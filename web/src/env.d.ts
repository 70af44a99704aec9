/// <reference types="vite/client" />

declare module "virtual:sprite" {
  const svg: string;
  export default svg;
}
