import { symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Base, User } from "../../../engine.js";
import type { Layer } from "../layers/layer.js";
import { makeDirectories } from "../state/state.js";
import type { BaseTree, Bind } from "./base-tree.js";
import { type CachedBase, cachedBase } from "./cache.js";
import type { BaseContext } from "./context.js";
import { hostEnvironment, hostView } from "./host.js";
import { hiddenPlace, identifyHostSkeleton, writeHostSkeleton } from "./host-skeleton.js";
import { identifyDirectories } from "./identity.js";
import type { ImageBase } from "./image.js";
import { stampOf } from "./toolchains/stamp.js";

/** Opens each base once a session. */
export class Bases {
  #open = new Map<string, Promise<BaseTree>>();
  #images = new Map<string, Promise<CachedBase>>();
  #next = 1;

  get(base: Base, user: User, context: BaseContext): Promise<BaseTree> {
    const key = JSON.stringify([base, user]);
    let tree = this.#open.get(key);
    if (!tree) {
      tree = this.#make(base, user, context).then((made) => ({ key, ...made }));
      this.#open.set(key, tree);
      tree.catch(() => this.#open.delete(key));
    }
    return tree;
  }

  async #make(base: Base, user: User, context: BaseContext): Promise<Omit<BaseTree, "key">> {
    if ("host" in base) return this.#host(base.paths ?? [], user, context);
    if ("rootfs" in base) {
      const { openRootfs } = await import("./rootfs.js");
      return this.#tree(await openRootfs(base.rootfs, user, context), context);
    }
    const image = await this.#image(base, context);
    const tree = this.#tree(image.path, context);
    return { ...tree, environment: { ...tree.environment, ...image.environment } };
  }

  /** A string that changes when the base's content or tools do. */
  async identify(base: Base, context: BaseContext): Promise<string> {
    if ("rootfs" in base) (await import("./rootfs.js")).checkRootfs(base.rootfs, dirname(context.bases));
    if ("rootfs" in base) return identifyDirectories(base);
    if ("host" in base)
      return identifyDirectories(base, stampOf(hostView(base.paths ?? [], dirname(context.bases)).tools));
    return (await this.#image(base, context)).digest;
  }

  /** The extracted image of a base that names one; opened once a session for all its users. */
  #image(base: ImageBase, context: BaseContext): Promise<CachedBase> {
    const key = JSON.stringify(base);
    let image = this.#images.get(key);
    if (!image) {
      // Loaded when it is asked for: it brings a tar reader along.
      image = import("./image.js").then(({ openImage }) => openImage(base, context));
      this.#images.set(key, image);
      image.catch(() => this.#images.delete(key));
    }
    return image;
  }

  #tree(path: string, { directory }: BaseContext): Omit<BaseTree, "key"> {
    const name = `b${this.#next++}`;
    symlinkSync(path, join(directory, "l", name));
    return { layers: [baseLayer(name, path)], binds: [], environment: imageEnvironment() };
  }

  async #host(paths: readonly string[], user: User, context: BaseContext): Promise<Omit<BaseTree, "key">> {
    const view = hostView(paths, dirname(context.bases));
    const made = await cachedBase(identifyHostSkeleton(view, user), context, async (draft) => {
      makeDirectories(join(draft, "tree"), 0o755);
      writeHostSkeleton(draft, view, user, context.ids.owner(user));
      return { environment: {} };
    });
    const covers = view.hidden.map((at, index) => ({ at, from: hiddenPlace(dirname(made.path), index) }));
    const places = [...view.shown, ...covers].sort((a, b) => (a.at < b.at ? -1 : 1));
    const binds: Bind[] = await Promise.all(
      places.map(async ({ at, from }) => ({ at, from, source: await context.stage.show(from) })),
    );
    return {
      ...this.#tree(made.path, context),
      binds,
      environment: hostEnvironment(view),
      tools: view.tools,
    };
  }
}

function baseLayer(name: string, path: string): Layer {
  return { name, path, level: 0, holds: 1, frozen: true, owned: false };
}

function imageEnvironment(): Record<string, string> {
  return { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8" };
}
