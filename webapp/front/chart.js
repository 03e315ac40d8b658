// Charts beside the tables they are drawn from: the table is what the page says, the chart is a picture of it.
//
//   <div class="chart" data-chart="bars" data-chart-of="table-id"></div>      one bar a row
//   <div class="chart" data-chart="stack" data-chart-of="table-id"></div>     one bar a row, its parts on top of each other
//
// The first cell of each row is its name, and cells with data-value are its figures; heads with data-part name the parts, and their
// data-tone (late, now, done or plain) says how they are drawn: by colour and, for whoever cannot tell colours, by pattern.
// A click on a bar follows the row's first link. The picture is hidden from screen readers: the table says the same.
import { BarChart } from 'echarts/charts';
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';

echarts.use([BarChart, GridComponent, TooltipComponent, LegendComponent, AriaComponent, CanvasRenderer]);

const ROW = 34; // pixels a bar takes with the space around it

function token(name, fallback) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim() || fallback;
}

const TONES = () => ({
  late: token('--tblr-danger', '#b3261e'),
  now: token('--jy-step-now', '#b45309'),
  done: token('--jy-step-done', '#2a7a3b'),
  plain: token('--tblr-primary', '#1c5a9e'),
  rest: token('--tblr-secondary', '#5a6675'),
});

function read(table) {
  const parts = [...table.querySelectorAll('thead [data-part]')].map((head) => ({ name: head.textContent.trim(), tone: head.dataset.tone || 'plain' }));
  const rows = [...table.querySelectorAll('tbody tr')].map((row) => ({
    name: row.cells[0].textContent.trim().replace(/\s+/g, ' '),
    figures: [...row.querySelectorAll('[data-value]')].map((cell) => Number(cell.dataset.value)),
    link: row.querySelector('a[href]'),
  }));
  return { parts, rows };
}

function options(kind, { parts, rows }) {
  const tones = TONES();
  const words = token('--tblr-body-color', '#1f2933');
  const line = token('--tblr-border-color', '#d5dbe1');
  const text = { color: words, fontFamily: token('--tblr-font-sans-serif', 'sans-serif') };
  return {
    animation: false,
    aria: { enabled: true, label: { enabled: false }, decal: { show: parts.length > 1 } },
    textStyle: text,
    grid: { left: 8, right: 40, top: parts.length > 1 ? 32 : 8, bottom: 8, containLabel: true },
    legend: parts.length > 1 ? { top: 0, left: 0, textStyle: text } : undefined,
    // Drawn on the canvas: the content security policy lets no markup with styles of its own in.
    tooltip: { trigger: 'axis', renderMode: 'richText', axisPointer: { type: 'shadow' } },
    xAxis: { type: 'value', minInterval: 1, axisLabel: text, splitLine: { lineStyle: { color: line } } },
    yAxis: {
      type: 'category', inverse: true, data: rows.map((row) => row.name), axisTick: { show: false }, axisLine: { lineStyle: { color: line } },
      axisLabel: { ...text, width: 150, overflow: 'truncate' },
    },
    series: parts.map((part, at) => ({
      type: 'bar', name: part.name, stack: kind === 'stack' ? 'all' : undefined, barMaxWidth: 20, itemStyle: { color: tones[part.tone] || tones.plain },
      data: rows.map((row) => row.figures[at] || 0),
      label: { show: kind !== 'stack' || parts.length === 1, position: 'right', color: words },
    })),
  };
}

function draw(holder) {
  const table = document.getElementById(holder.dataset.chartOf);
  if (!table) return;
  const found = read(table);
  if (!found.rows.length) return;
  holder.style.height = `${found.rows.length * ROW + (found.parts.length > 1 ? 64 : 40)}px`;
  holder.setAttribute('aria-hidden', 'true');
  const chart = echarts.init(holder, null, { renderer: 'canvas' });
  chart.setOption(options(holder.dataset.chart, found));
  chart.on('click', ({ dataIndex }) => {
    const { link } = found.rows[dataIndex];
    if (link) link.click();
  });
  new ResizeObserver(() => chart.resize()).observe(holder);
  holder.dataset.drawn = 'done';
}

for (const holder of document.querySelectorAll('[data-chart]')) draw(holder);
