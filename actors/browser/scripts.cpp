#include "actors/browser/scripts.hpp"

namespace actors::browsing {

const std::string_view page_script = R"js((() => {
  if (globalThis.troupe) return;
  const troupe = globalThis.troupe = { changes: 0 };
  const count = () => { ++troupe.changes; };
  new MutationObserver(count).observe(document,
    { subtree: true, childList: true, attributes: true, characterData: true });
  for (const type of ['input', 'change', 'scroll']) addEventListener(type, count, true);

  // What is to be known of a page that may have to be brought back.
  if (self === top) {
    let due = 0, typed = false;
    const tell = () => {
      due = 0;
      globalThis.troupeSays?.(JSON.stringify({ x: scrollX, y: scrollY, typed }));
    };
    const soon = () => { due ||= setTimeout(tell, 200); };
    addEventListener('scroll', soon, true);
    addEventListener('input', () => { typed = true; soon(); }, true);
  }

  const plain = (text) => (text ?? '').replace(/\s+/g, ' ').trim();
  const skipped = new Set(['SCRIPT', 'STYLE', 'NOSCRIPT', 'TEMPLATE', 'HEAD', 'TITLE']);
  const visible = troupe.visible = (e) => {
    if (!e.checkVisibility({ checkVisibilityCSS: true })) return false;
    const box = e.getBoundingClientRect();
    return box.width > 0 && box.height > 0;
  };

  // Through open shadow roots, in the order of the document.
  function* below(root) {
    for (const e of root.querySelectorAll('*')) {
      yield e;
      if (e.shadowRoot) yield* below(e.shadowRoot);
    }
  }
  const matches = (selector) => {
    const out = [...document.querySelectorAll(selector)];
    for (const e of document.querySelectorAll('*'))
      if (e.shadowRoot)
        for (const inner of below(e.shadowRoot)) if (inner.matches(selector)) out.push(inner);
    return out;
  };
  troupe.select = (selector) => {
    const all = matches(selector);
    return all.find(visible) ?? all[0] ?? null;
  };
  troupe.all = (selector) => matches(selector);
  troupe.shows = (selector) => matches(selector).some(visible);

  const said = (e) => {
    if (e.tagName === 'INPUT' && /^(button|submit|reset)$/.test(e.type)) return plain(e.value);
    return plain(e.innerText ?? e.textContent);
  };
  // The smallest elements that say the text; those that say nothing else first.
  troupe.withText = (text) => {
    const wanted = plain(text).toLowerCase();
    const exact = [], part = [];
    for (const e of below(document)) {
      if (skipped.has(e.tagName) || !e.checkVisibility?.()) continue;
      const label = plain(e.getAttribute('aria-label') ?? e.getAttribute('placeholder') ?? '');
      for (const mine of [said(e), label]) {
        const low = mine.toLowerCase();
        if (!low.includes(wanted)) continue;
        const list = low === wanted ? exact : part;
        const outer = list.findLastIndex((x) => x.contains(e));
        if (outer >= 0 && mine === said(e)) list.splice(outer, 1);
        list.push(e);
        break;
      }
    }
    return [...exact, ...part].filter(visible);
  };
  troupe.text = (text) => troupe.withText(text)[0] ?? null;
  troupe.hasText = (text) => {
    const wanted = plain(text).toLowerCase();
    if (plain(document.body?.innerText).toLowerCase().includes(wanted)) return true;
    return troupe.withText(text).length > 0;
  };

  const name = troupe.describe = (e) => {
    if (!e) return 'nothing';
    let out = e.tagName.toLowerCase();
    if (e.id) out += '#' + e.id;
    else if (typeof e.className === 'string' && e.className.trim())
      out += '.' + e.className.trim().split(/\s+/).slice(0, 2).join('.');
    const text = plain(e.innerText ?? '').slice(0, 40);
    return '<' + out + '>' + (text ? ' "' + text + '"' : '');
  };
  // The page has drawn, and has heard before that it was scrolled.
  const frame = troupe.frame = () => new Promise((done) => {
    const timer = setTimeout(done, 100);
    requestAnimationFrame(() => { clearTimeout(timer); done(); });
  });
  const same = (a, b) => a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;

  // What the pointer would meet at a point, seen from the element's own tree outwards.
  const cover = (e, x, y) => {
    for (let target = e;;) {
      const root = target.getRootNode();
      const hit = root.elementFromPoint(x, y);
      const labelled = hit?.closest?.('label')?.control === target;
      if (hit !== target && !target.contains(hit) && !labelled) return name(hit);
      if (!root.host) return null;
      target = root.host;
    }
  };
  const disabled = (e) =>
    e.matches(':disabled') || !!e.closest('[aria-disabled="true"]') || !!e.closest('[inert]');

  // Out from under what does not scroll along, such as a header; each time to another place.
  const tried = new WeakMap();
  const uncover = (e) => {
    const times = tried.get(e) ?? 0;
    tried.set(e, times + 1);
    const block = ['center', 'end', 'start'][times % 3];
    e.scrollIntoView({ block, inline: 'center', behavior: 'instant' });
  };

  // Whether an element can take a pointer: `why` says what stands in the way, else x and y are a
  // point of it that does, in its frame's view; and whether it is a link to a download.
  troupe.ready = async (e, pointer, enabled) => {
    if (!e.isConnected) return { why: 'detached' };
    if (!(e instanceof Element)) e = e.parentElement;
    if (!visible(e)) {
      const label = e.labels?.[0];
      if (!label || !visible(label) || !pointer) return { why: 'it is not visible' };
      e = label;
    }
    if (enabled && disabled(e)) return { why: 'it is disabled' };
    const shown = (b) => b.top < innerHeight && b.bottom > 0 && b.left < innerWidth && b.right > 0;
    let box = e.getBoundingClientRect();
    if (box.top < 0 || box.left < 0 || box.bottom > innerHeight || box.right > innerWidth)
      e.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
    if (!pointer) return { x: 0, y: 0 };  // nor need it stay where it is
    const before = e.getBoundingClientRect();
    await frame();
    box = e.getBoundingClientRect();
    if (!e.isConnected) return { why: 'detached' };
    if (!same(before, box)) return { why: 'it moves' };
    if (!shown(box)) return { why: 'it lies outside of the view' };
    let covered = null;
    for (const piece of e.getClientRects()) {
      if (piece.width <= 0 || piece.height <= 0 || !shown(piece)) continue;
      const x = (Math.max(piece.left, 0) + Math.min(piece.right, innerWidth)) / 2;
      const y = (Math.max(piece.top, 0) + Math.min(piece.bottom, innerHeight)) / 2;
      const by = cover(e, x, y);
      if (!by) return { x, y, downloads: !!e.closest('a[download]') };
      covered ??= by;
    }
    if (!covered) return { why: 'it has no point in the view', covered };
    uncover(e);
    return { why: 'it is covered by ' + covered, covered };
  };
  // From outside of a frame: whether the pointer would meet one.
  troupe.frameAt = (x, y) => {
    let hit = document.elementFromPoint(x, y);
    while (hit?.shadowRoot) {
      const inner = hit.shadowRoot.elementFromPoint(x, y);
      if (!inner || inner === hit) break;
      hit = inner;
    }
    return /^(I?FRAME|OBJECT|EMBED)$/.test(hit?.tagName ?? '') ? null : name(hit);
  };

  troupe.focusForText = (e, clear) => {
    if (e.matches('label')) e = e.control ?? e;
    const editable = e.isContentEditable || e.tagName === 'TEXTAREA' || (e.tagName === 'INPUT' &&
      !/^(button|submit|reset|checkbox|radio|file|image|hidden)$/.test(e.type));
    if (!editable) return { why: 'it takes no text' };
    if (e.readOnly) return { why: 'it is read-only' };
    e.focus();
    // These take no text from a keyboard that is not theirs.
    const special = e.tagName === 'INPUT' &&
      /^(color|date|datetime-local|month|range|time|week)$/.test(e.type);
    if (clear && !special) {
      if (e.select) e.select();
      else getSelection().selectAllChildren(e);
    }
    return { special };
  };
  const say = (e) => {
    e.dispatchEvent(new Event('input', { bubbles: true, composed: true }));
    e.dispatchEvent(new Event('change', { bubbles: true }));
  };
  troupe.setValue = (e, value) => {
    e.value = value;
    if (e.value !== value) return { why: 'it does not take `' + value + '`' };
    say(e);
    return {};
  };
  troupe.choose = (e, wanted) => {
    if (e.matches('label')) e = e.control ?? e;
    if (e.tagName !== 'SELECT') return { why: 'it is no <select>' };
    const found = [];
    for (const each of wanted) {
      const all = [...e.options];
      const option = all.find((o) => o.value === each) ??
        all.find((o) => plain(o.label) === plain(each));
      if (!option) return { why: 'it has no option `' + each + '`',
                            options: all.slice(0, 50).map((o) => o.label) };
      if (option.disabled) return { why: 'its option `' + each + '` is disabled' };
      found.push(option);
    }
    if (!e.multiple && found.length > 1) return { why: 'it takes one option' };
    e.focus();
    if (e.multiple || !found.length) for (const o of e.options) o.selected = found.includes(o);
    else found[0].selected = true;
    say(e);
    return { selected: [...e.selectedOptions].map((o) => o.value) };
  };
  troupe.checked = (e) => {
    if (e.matches('label')) e = e.control ?? e;
    if (e.tagName === 'INPUT' && /^(checkbox|radio)$/.test(e.type)) return { checked: e.checked };
    const aria = e.getAttribute('aria-checked') ?? e.getAttribute('aria-pressed');
    return aria === null ? { why: 'it is nothing that is checked' } : { checked: aria === 'true' };
  };
  troupe.isFileInput = (e) => e.tagName === 'INPUT' && e.type === 'file'
    ? { multiple: e.multiple } : { why: 'it is no <input type="file">' };

  // -- reading ---------------------------------------------------------------------------------
  troupe.pageText = (root) => (root ?? document.body ?? document.documentElement)?.innerText ?? '';
  troupe.pageHtml = (root) => (root ?? document.documentElement)?.outerHTML ?? '';

  const inline = (node) => {
    let out = '';
    for (const n of node.childNodes) out += n.nodeType === 3
      ? n.data.replace(/\s+/g, ' ') : n.nodeType === 1 ? piece(n) : '';
    return out;
  };
  const piece = (e) => {
    if (skipped.has(e.tagName) || (e.checkVisibility && !e.checkVisibility())) return '';
    const inner = () => inline(e);
    const block = (text) => text.trim() ? '\n\n' + text.trim() + '\n\n' : '';
    switch (e.tagName) {
      case 'H1': case 'H2': case 'H3': case 'H4': case 'H5': case 'H6':
        return block('#'.repeat(+e.tagName[1]) + ' ' + plain(inner()));
      case 'BR': return '\n';
      case 'HR': return '\n\n---\n\n';
      case 'STRONG': case 'B': return plain(inner()) ? '**' + inner().trim() + '**' : '';
      case 'EM': case 'I': return plain(inner()) ? '*' + inner().trim() + '*' : '';
      case 'CODE': return e.closest('pre') ? e.textContent : '`' + e.textContent + '`';
      case 'PRE': return '\n\n```\n' + e.textContent.replace(/\n$/, '') + '\n```\n\n';
      case 'A': {
        const text = plain(inner());
        return !text ? '' : e.href ? '[' + text + '](' + e.href + ')' : text;
      }
      case 'IMG': {
        const source = e.src.startsWith('data:') ? '' : e.src;
        return e.alt ? '![' + plain(e.alt) + '](' + source + ')' : '';
      }
      case 'LI': {
        const list = e.parentElement;
        const mark = list?.tagName === 'OL'
          ? (list.start || 1) + [...list.children].indexOf(e) + '. ' : '- ';
        return '\n' + mark + inner().trim().replace(/\n+/g, '\n').replace(/\n/g, '\n  ');
      }
      case 'BLOCKQUOTE': return block(inner().trim().replace(/^/gm, '> '));
      case 'TABLE': return block(table(e));
      case 'INPUT': case 'TEXTAREA': case 'SELECT': case 'BUTTON':
        return e.tagName === 'BUTTON' ? plain(inner()) : '';
      default: {
        if (e.shadowRoot) return inline(e.shadowRoot);
        return getComputedStyle(e).display.startsWith('inline') ? inner() : block(inner());
      }
    }
  };
  const table = (e) => {
    const rows = [...e.rows].map((r) =>
      [...r.cells].map((c) => plain(inline(c)).replace(/\|/g, '\\|')));
    if (!rows.length) return '';
    const line = (cells) => '| ' + cells.join(' | ') + ' |';
    return [line(rows[0]), line(rows[0].map(() => '---')), ...rows.slice(1).map(line)].join('\n');
  };
  troupe.markdown = (root) =>
    piece(root ?? document.body ?? document.documentElement)
      .replace(/[ \t]+\n/g, '\n').replace(/\n{3,}/g, '\n\n').trim() + '\n';
})())js";

}  // namespace actors::browsing
