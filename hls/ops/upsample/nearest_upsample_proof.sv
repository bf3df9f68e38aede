// SPDX-License-Identifier: Apache-2.0
// nearest_upsample: the beat at every place of the rows that one input row becomes is that of the formula, and no
// more has been taken than it needs. One place of the input row is watched, drawn at reset from free inputs. A beat is
// taken in a cycle in which none waits at the output, so that the last beat taken at that place is what must leave.
// As every beat that is taken and that leaves is counted, none is lost, doubled or moved.
`default_nettype none

module nearest_upsample_proof #(
  parameter int unsigned WIDTH = 1,
  parameter int unsigned IMG_W = 2,
  parameter int unsigned FOLDS = 1,
  parameter int unsigned FACTOR_H = 2,
  parameter int unsigned FACTOR_W = 2,
  parameter bit          BLOCK_RAM = 0
) (
  input wire             clk,
  input wire             reset_n,
  input wire             offer, accept,
  input wire [WIDTH-1:0] beat,
  input wire [3:0]       any_place
);

  localparam int unsigned IN_BEATS = IMG_W * FOLDS;
  localparam int unsigned OUT_BEATS = FACTOR_H * FACTOR_W * IN_BEATS;

  wire rst_n;
  first_reset i_reset (.clk, .reset_n, .rst_n);

  wire [WIDTH-1:0] s_data, m_data;
  wire             s_valid, s_ready, m_valid;

  stream_source #(.WIDTH(WIDTH)) i_source (
    .clk, .rst_n, .offer, .beat, .valid(s_valid), .ready(s_ready), .data(s_data)
  );

  nearest_upsample #(
    .WIDTH(WIDTH), .IMG_W(IMG_W), .FOLDS(FOLDS), .FACTOR_H(FACTOR_H), .FACTOR_W(FACTOR_W), .BLOCK_RAM(BLOCK_RAM)
  ) dut (
    .ap_clk(clk), .ap_rst_n(rst_n),
    .s_axis_tdata(s_data), .s_axis_tvalid(s_valid), .s_axis_tready(s_ready),
    .m_axis_tdata(m_data), .m_axis_tvalid(m_valid), .m_axis_tready(accept)
  );

  // For each place of the output the place of its beat in the input.
  function automatic int unsigned origin(input int unsigned place);
    automatic int unsigned f = place % FOLDS;
    automatic int unsigned x = place / FOLDS / FACTOR_W % IMG_W;
    return x * FOLDS + f;
  endfunction

  // Beats that are taken once those before `place` have left.
  function automatic int unsigned needed(input int unsigned place);
    needed = 0;
    for (int unsigned n = 0; n < OUT_BEATS; n++) if (n < place && origin(n) >= needed) needed = origin(n) + 1;
  endfunction

  logic [IN_BEATS-1:0] place_q;  // one hot
  always_ff @(posedge clk) begin
    if (!rst_n) place_q <= IN_BEATS'(1) << (32'(any_place) < IN_BEATS ? any_place : 4'd0);
  end

  wire [$clog2(IN_BEATS+1)-1:0]  s_place;
  wire [$clog2(OUT_BEATS+1)-1:0] m_place;
  wire s_end, m_end;
  wire take = s_valid && s_ready;
  wire give = m_valid && accept;
  modulo #(.PERIOD(IN_BEATS)) i_in (.clk, .rst_n, .step(take), .last(s_end), .count(s_place));
  modulo #(.PERIOD(OUT_BEATS)) i_out (.clk, .rst_n, .step(give), .last(m_end), .count(m_place));

  logic lead_q;  // the whole row has been taken, but not left
  always_ff @(posedge clk) begin
    if (!rst_n) lead_q <= 1'b0;
    else        lead_q <= (lead_q || take && s_end) && !(give && m_end && !(take && s_end && lead_q));
  end

  logic [WIDTH-1:0] watched_q;  // the last beat taken at the watched place
  wire  [IN_BEATS-1:0] here;
  for (genvar k = 0; k < IN_BEATS; k++) begin : gen_watched
    assign here[k] = place_q[k] && 32'(s_place) == k;
  end
  always_ff @(posedge clk) if (take && |here) watched_q <= s_data;

  wire [31:0] taken = 32'(s_place) + (lead_q ? IN_BEATS : 0);

  for (genvar place = 0; place < OUT_BEATS; place++) begin : gen_place
    localparam int unsigned ORIGIN = origin(place), BEFORE = needed(place), AFTER = needed(place + 1);
    wire next = 32'(m_place) == place;
    always_comb begin
      if (rst_n) begin
        taken_in_time: assert (!(next && m_valid) || taken == AFTER);
        taken_at_once: assert (!(next && !m_valid) || taken == BEFORE);
        right_beat:    assert (!(next && m_valid && place_q[ORIGIN]) || m_data == watched_q);
      end
    end
  end

  stream_holds #(.WIDTH(WIDTH)) i_holds (.clk, .rst_n, .valid(m_valid), .ready(accept), .data(m_data));

  // It goes on whenever its output is free: with the beat's repetitions, or with what comes.
  logic repeats;
  always_comb begin
    repeats = 1'b0;
    for (int unsigned n = 0; n < OUT_BEATS; n++) if (32'(m_place) == n && needed(n) == needed(n + 1)) repeats = 1'b1;
  end
  soon i_gives (.clk, .rst_n, .idle(!m_valid && repeats));
  soon i_takes (.clk, .rst_n, .idle(!m_valid && !s_ready));

endmodule

`default_nettype wire
