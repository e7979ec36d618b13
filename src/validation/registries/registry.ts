/**
 * Settings of private registries, as the caller's own tools find them.
 *
 * - `npm`: where packages come from and who asks for them, of `.npmrc` in the home, or of NPM_CONFIG_USERCONFIG
 * - `pip`: index and trusted hosts of pip's configuration files and variables
 * - `netrc`: `.netrc` in the home, or NETRC, whole
 * - `proxy`: HTTP_PROXY and the like with their passwords, without which every sandbox gets them
 */
export type Registry = "npm" | "pip" | "netrc" | "proxy";

export const registryNames = ["npm", "pip", "netrc", "proxy"] as const satisfies readonly Registry[];
