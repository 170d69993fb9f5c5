/** Keeps the login's key pair in IndexedDB, unreadable, so that a tab that was closed and opened again goes on. */

const DATABASE = "portcullis";
const STORE = "keys";
const LOGIN = "login";

/** @returns {Promise<CryptoKeyPair | undefined>} */
export function loadKey() {
  return within("readonly", (store) => store.get(LOGIN));
}

/** @param {CryptoKeyPair} key */
export function saveKey(key) {
  return within("readwrite", (store) => store.put(key, LOGIN));
}

export function deleteKey() {
  return within("readwrite", (store) => store.delete(LOGIN));
}

/**
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest} act
 * @returns {Promise<any>}
 */
async function within(mode, act) {
  const database = await open();
  try {
    const transaction = database.transaction(STORE, mode);
    const request = act(transaction.objectStore(STORE));
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    return request.result;
  } finally {
    database.close();
  }
}

/** @returns {Promise<IDBDatabase>} */
function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
