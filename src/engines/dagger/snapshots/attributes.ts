/** Twelve bits and "uid:gid": what the engine's own stat does not tell. */
export interface Attributes {
  mode: number;
  owner: string;
}
