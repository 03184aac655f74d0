import { createContext, createElement, type ReactNode, useContext } from "react";
import type { Engine } from "../engine.js";

const Context = createContext<Engine | undefined>(undefined);

/** Gives an engine to the hooks below it. It stays its caller's: nothing closes it here. */
export function EngineProvider({ engine, children }: { engine: Engine; children?: ReactNode }): ReactNode {
  return createElement(Context.Provider, { value: engine }, children);
}

/** The engine of the nearest EngineProvider. */
export function useEngine(): Engine {
  const engine = useContext(Context);
  if (!engine) throw new Error("useEngine: there is no EngineProvider above this component");
  return engine;
}
