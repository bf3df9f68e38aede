// SPDX-License-Identifier: Apache-2.0
// The windows of a convolution, one after the other, fetched from a cyclic memory of the elements they span.
//
//   window (y, x): rows y*STRIDE_H + u*DILATION_H, columns x*STRIDE_W + v*DILATION_W, in the order (u, v, beat)
//
// An element is a beat of a pixel. Elements are numbered without end, frame after frame: that a frame is over is one
// more step of the read address, and the next frame is taken while the last windows are still handed on.
// What is compared, how far the newest element is from the one to be fetched and from the first one that a later
// window needs, is kept as differences of which only the sign is looked at.
// Latency 2, II 1. The output is the memory's register.
// Cut: s_axis from m_axis, tready from tvalid. Not cut: m_axis_tready -> what is fetched.
`default_nettype none

module sliding_window #(
  parameter int unsigned WIDTH = 8,       // bits of a beat
  parameter int unsigned IMG_H = 2,       // rows and columns of the input
  parameter int unsigned IMG_W = 2,
  parameter int unsigned BEATS = 1,       // of a pixel
  parameter int unsigned KERNEL_H = 1,
  parameter int unsigned KERNEL_W = 1,
  parameter int unsigned STRIDE_H = 1,
  parameter int unsigned STRIDE_W = 1,
  parameter int unsigned DILATION_H = 1,
  parameter int unsigned DILATION_W = 1,
  parameter int unsigned PLACES = 2       // of the memory; at least what a window spans, from its first element to its last
) (
  input  wire              ap_clk,
  input  wire              ap_rst_n,

  input  wire [WIDTH-1:0]  s_axis_tdata,
  input  wire              s_axis_tvalid,
  output wire              s_axis_tready,

  output wire [WIDTH-1:0]  m_axis_tdata,
  output wire              m_axis_tvalid,
  input  wire              m_axis_tready
);

  localparam int ROW      = int'(IMG_W * BEATS);
  localparam int OVER_H   = int'((KERNEL_H - 1) * DILATION_H);  // rows from a window's first to its last
  localparam int OVER_W   = int'((KERNEL_W - 1) * DILATION_W);
  localparam int WINDOWS_H = (int'(IMG_H) - OVER_H - 1) / int'(STRIDE_H) + 1;
  localparam int WINDOWS_W = (int'(IMG_W) - OVER_W - 1) / int'(STRIDE_W) + 1;
  localparam int LAST     = OVER_H * ROW + (OVER_W + 1) * int'(BEATS) - 1;  // of a window's elements, from its first

  if (OVER_H >= int'(IMG_H) || OVER_W >= int'(IMG_W)) begin : gen_size_check
    $fatal(1, "sliding_window: a window must fit %0dx%0d pixels, it spans %0dx%0d", IMG_H, IMG_W, OVER_H + 1, OVER_W + 1);
  end
  if (int'(PLACES) <= LAST) begin : gen_places_check
    $fatal(1, "sliding_window: PLACES must be %0d or more, got %0d", LAST + 1, PLACES);
  end

  // From a window's first element to that of the next, where that is in the same row, the next row, the next frame.
  localparam int NEXT       = int'(STRIDE_W * BEATS);
  localparam int NEXT_ROW   = int'(STRIDE_H) * ROW - (WINDOWS_W - 1) * NEXT;
  localparam int NEXT_FRAME = (int'(IMG_H) - (WINDOWS_H - 1) * int'(STRIDE_H)) * ROW - (WINDOWS_W - 1) * NEXT;

  // From an element to the next one that is fetched: of the same pixel, tap row, window, row of windows, frame, or of none.
  typedef enum logic [2:0] {BEAT, TAP, TAP_ROW, WINDOW, WINDOW_ROW, FRAME} step_t;
  localparam int STEPS [6] = '{
    1,
    int'((DILATION_W - 1) * BEATS) + 1,
    int'(DILATION_H) * ROW - (OVER_W + 1) * int'(BEATS) + 1,
    NEXT - LAST,
    NEXT_ROW - LAST,
    NEXT_FRAME - LAST
  };

  function automatic int larger(input int a, input int b);
    larger = a > b ? a : b;
  endfunction

  // No difference is further from zero: the memory, and the longest step forward.
  localparam int MOST = int'(PLACES) + larger(larger(NEXT, NEXT_ROW), larger(NEXT_FRAME, STEPS[TAP_ROW]));

  typedef logic signed [$clog2(MOST + 1):0] difference_t;
  typedef logic [(PLACES > 1 ? $clog2(PLACES) : 1)-1:0] place_t;
  typedef logic signed [$bits(place_t):0] below_t;  // a place, or up to PLACES below the first

  // A step forwards in the memory, from 0 to PLACES - 1.
  function automatic int turned(input int step);
    turned = (step % int'(PLACES) + int'(PLACES)) % int'(PLACES);
  endfunction

  //- The order of elements -----------------------------------------------------
  // Counters of beats, taps, tap rows, windows and window rows are one element ahead of the one that is fetched next:
  // what follows that one lies in registers. After reset that is element 0, and they stand at element 1.
  logic  fetch;
  logic  [4:0] ends_q;  // a counter is at its last
  logic  coming_first_q;
  step_t step_q;        // from the element fetched next to the one behind it
  logic  first_q;       // it is the first of its window,
  logic  row_ends_q;    // which is the last of its row,
  logic  frame_ends_q;  // and of the frame

  localparam int COUNTS [5] = '{int'(BEATS), int'(KERNEL_W), int'(KERNEL_H), WINDOWS_W, WINDOWS_H};

  function automatic bit ones(input int below);  // the counters below have one value each
    ones = 1'b1;
    for (int i = 0; i < below; i++) ones = ones && COUNTS[i] == 1;
  endfunction

  function automatic step_t step_of(input logic [4:0] ends);
    if      (!ends[0]) step_of = BEAT;
    else if (!ends[1]) step_of = TAP;
    else if (!ends[2]) step_of = TAP_ROW;
    else if (!ends[3]) step_of = WINDOW;
    else if (!ends[4]) step_of = WINDOW_ROW;
    else               step_of = FRAME;
  endfunction

  localparam logic [4:0] SINGLE = {
    1'(COUNTS[4] == 1), 1'(COUNTS[3] == 1), 1'(COUNTS[2] == 1), 1'(COUNTS[1] == 1), 1'(COUNTS[0] == 1)
  };

  for (genvar i = 0; i < 5; i++) begin : gen_counter
    if (COUNTS[i] == 1) begin : gen_one
      assign ends_q[i] = 1'b1;
    end else begin : gen_more
      localparam bit BEGUN = ones(i);  // it is what tells element 1 from element 0
      typedef logic [$clog2(COUNTS[i])-1:0] count_t;
      count_t count_q;
      logic   last_q;
      assign ends_q[i] = last_q;

      wire lower_end = i == 0 || &(ends_q | 5'(5'b11111 << i));  // all below are at their last

      always_ff @(posedge ap_clk) begin
        if (!ap_rst_n) begin
          count_q <= count_t'(BEGUN);
          last_q  <= BEGUN && COUNTS[i] == 2;
        end else if (fetch && lower_end) begin
          count_q <= last_q ? '0 : count_q + 1'b1;
          last_q  <= !last_q && count_q == count_t'(COUNTS[i] - 2);
        end
      end
    end
  end

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) begin
      coming_first_q <= LAST == 0;
      first_q        <= 1'b1;
      step_q         <= step_of(SINGLE);
      row_ends_q     <= WINDOWS_W == 1;
      frame_ends_q   <= WINDOWS_W == 1 && WINDOWS_H == 1;
    end else if (fetch) begin
      coming_first_q <= &ends_q[2:0];
      first_q        <= coming_first_q;
      step_q         <= step_of(ends_q);
      row_ends_q     <= ends_q[3];
      frame_ends_q   <= ends_q[3] && ends_q[4];
    end
  end

  //- What is there, and what has room ----------------------------------------
  difference_t there_q;        // elements that are there beyond the one fetched next; below 0: it is not
  difference_t room_fetch_q;   // places left, less one, if nothing before that one is needed any more
  difference_t room_window_q;  // and if nothing before the window behind it, or its own while it has not begun

  logic valid_q;
  wire  take = s_axis_tvalid && s_axis_tready;
  assign fetch = !there_q[$left(there_q)] && (!valid_q || m_axis_tready);
  assign s_axis_tready = !room_fetch_q[$left(room_fetch_q)] && !room_window_q[$left(room_window_q)];

  // Each difference and its change in one sum, the element that is taken as its carry.
  difference_t back, ahead, behind;

  always_comb begin
    back   = '0;
    ahead  = '1;
    behind = '1;
    if (fetch) begin
      unique case (step_q)
        BEAT:       begin back = -difference_t'(STEPS[0]); ahead = difference_t'(STEPS[0] - 1); end
        TAP:        begin back = -difference_t'(STEPS[1]); ahead = difference_t'(STEPS[1] - 1); end
        TAP_ROW:    begin back = -difference_t'(STEPS[2]); ahead = difference_t'(STEPS[2] - 1); end
        WINDOW:     begin back = -difference_t'(STEPS[3]); ahead = difference_t'(STEPS[3] - 1); end
        WINDOW_ROW: begin back = -difference_t'(STEPS[4]); ahead = difference_t'(STEPS[4] - 1); end
        default:    begin back = -difference_t'(STEPS[5]); ahead = difference_t'(STEPS[5] - 1); end
      endcase
      if (first_q) begin
        if      (frame_ends_q) behind = difference_t'(NEXT_FRAME - 1);
        else if (row_ends_q)   behind = difference_t'(NEXT_ROW - 1);
        else                   behind = difference_t'(NEXT - 1);
      end
    end
  end

  difference_t there, room_fetch, room_window;
  wire [2:0]   unused_carries;
  assign {there, unused_carries[0]}       = {there_q, 1'b1} + {back, take};
  assign {room_fetch, unused_carries[1]}  = {room_fetch_q, 1'b1} + {ahead, !take};
  assign {room_window, unused_carries[2]} = {room_window_q, 1'b1} + {behind, !take};

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) begin
      there_q       <= '1;
      room_fetch_q  <= difference_t'(PLACES - 1);
      room_window_q <= difference_t'(PLACES - 1);
    end else begin
      there_q       <= there;
      room_fetch_q  <= room_fetch;
      room_window_q <= room_window;
    end
  end

  //- The memory ----------------------------------------------------------------
  place_t write_q, read_q;
  logic [WIDTH-1:0] elements_q [PLACES];
  logic [WIDTH-1:0] data_q;

  // The next place to read, and the same less PLACES, whose sign chooses.
  place_t turn;
  below_t turn_less;

  always_comb begin
    unique case (step_q)
      BEAT:       begin turn = place_t'(turned(STEPS[0])); turn_less = below_t'(turned(STEPS[0]) - int'(PLACES)); end
      TAP:        begin turn = place_t'(turned(STEPS[1])); turn_less = below_t'(turned(STEPS[1]) - int'(PLACES)); end
      TAP_ROW:    begin turn = place_t'(turned(STEPS[2])); turn_less = below_t'(turned(STEPS[2]) - int'(PLACES)); end
      WINDOW:     begin turn = place_t'(turned(STEPS[3])); turn_less = below_t'(turned(STEPS[3]) - int'(PLACES)); end
      WINDOW_ROW: begin turn = place_t'(turned(STEPS[4])); turn_less = below_t'(turned(STEPS[4]) - int'(PLACES)); end
      default:    begin turn = place_t'(turned(STEPS[5])); turn_less = below_t'(turned(STEPS[5]) - int'(PLACES)); end
    endcase
  end

  wire place_t next      = read_q + turn;
  wire below_t next_less = $signed({1'b0, read_q}) + turn_less;

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) begin
      write_q <= '0;
      read_q  <= '0;
    end else begin
      if (take)  write_q <= write_q == place_t'(PLACES - 1) ? '0 : write_q + 1'b1;
      if (fetch) read_q  <= next_less[$left(next_less)] ? next : place_t'(next_less);
    end
  end

  always_ff @(posedge ap_clk) begin
    if (take)  elements_q[write_q] <= s_axis_tdata;
    if (fetch) data_q <= elements_q[read_q];
  end

  //- Output ------------------------------------------------------------------
  assign m_axis_tvalid = valid_q;
  assign m_axis_tdata  = data_q;

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n)                       valid_q <= 1'b0;
    else if (!valid_q || m_axis_tready)  valid_q <= fetch;
  end

endmodule

`default_nettype wire
