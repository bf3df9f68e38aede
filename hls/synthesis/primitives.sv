// SPDX-License-Identifier: Apache-2.0
// Black boxes of the primitives that FINN's matrix unit instantiates (ports and parameters as in UG953).
// Yosys has them in its library, but without the parameters, which slang wants to see.

(* blackbox *)
module LUT6_2 #(
  parameter logic [63:0] INIT = 64'd0
) (
  output wire O5, O6,
  input  wire I0, I1, I2, I3, I4, I5
);
endmodule

(* blackbox *)
module DSP48E1 #(
  parameter A_INPUT = "DIRECT", parameter B_INPUT = "DIRECT",
  parameter USE_DPORT = "FALSE", parameter USE_MULT = "MULTIPLY", parameter USE_SIMD = "ONE48",
  parameter AUTORESET_PATDET = "NO_RESET", parameter USE_PATTERN_DETECT = "NO_PATDET",
  parameter SEL_MASK = "MASK", parameter SEL_PATTERN = "PATTERN",
  parameter logic [47:0] MASK = 48'h3FFF_FFFF_FFFF, parameter logic [47:0] PATTERN = 48'd0,
  parameter int ACASCREG = 1, parameter int ADREG = 1, parameter int ALUMODEREG = 1,
  parameter int AREG = 1, parameter int BCASCREG = 1, parameter int BREG = 1,
  parameter int CARRYINREG = 1, parameter int CARRYINSELREG = 1, parameter int CREG = 1,
  parameter int DREG = 1, parameter int INMODEREG = 1, parameter int MREG = 1,
  parameter int OPMODEREG = 1, parameter int PREG = 1
) (
  output wire [29:0] ACOUT,
  output wire [17:0] BCOUT,
  output wire CARRYCASCOUT,
  output wire [3:0] CARRYOUT,
  output wire MULTSIGNOUT,
  output wire OVERFLOW,
  output wire [47:0] P,
  output wire PATTERNBDETECT,
  output wire PATTERNDETECT,
  output wire [47:0] PCOUT,
  output wire UNDERFLOW,
  input  wire [29:0] A,
  input  wire [29:0] ACIN,
  input  wire [3:0] ALUMODE,
  input  wire [17:0] B,
  input  wire [17:0] BCIN,
  input  wire [47:0] C,
  input  wire CARRYCASCIN,
  input  wire CARRYIN,
  input  wire [2:0] CARRYINSEL,
  input  wire CEA1, CEA2, CEAD, CEALUMODE, CEB1, CEB2, CEC, CECARRYIN, CECTRL, CED, CEINMODE,
  input  wire CEM, CEP, CLK,
  input  wire [24:0] D,
  input  wire [4:0] INMODE,
  input  wire MULTSIGNIN,
  input  wire [6:0] OPMODE,
  input  wire [47:0] PCIN,
  input  wire RSTA, RSTALLCARRYIN, RSTALUMODE, RSTB, RSTC, RSTCTRL, RSTD, RSTINMODE, RSTM, RSTP
);
endmodule

(* blackbox *)
module DSP48E2 #(
  parameter AMULTSEL = "A", parameter A_INPUT = "DIRECT", parameter BMULTSEL = "B",
  parameter B_INPUT = "DIRECT", parameter PREADDINSEL = "A", parameter logic [47:0] RND = 48'd0,
  parameter USE_MULT = "MULTIPLY", parameter USE_SIMD = "ONE48", parameter USE_WIDEXOR = "FALSE",
  parameter XORSIMD = "XOR24_48_96",
  parameter AUTORESET_PATDET = "NO_RESET", parameter AUTORESET_PRIORITY = "RESET",
  parameter logic [47:0] MASK = 48'h3FFF_FFFF_FFFF, parameter logic [47:0] PATTERN = 48'd0,
  parameter SEL_MASK = "MASK", parameter SEL_PATTERN = "PATTERN",
  parameter USE_PATTERN_DETECT = "NO_PATDET",
  parameter logic [3:0] IS_ALUMODE_INVERTED = 4'd0, parameter logic IS_CARRYIN_INVERTED = 1'b0,
  parameter logic IS_CLK_INVERTED = 1'b0, parameter logic [4:0] IS_INMODE_INVERTED = 5'd0,
  parameter logic [8:0] IS_OPMODE_INVERTED = 9'd0, parameter logic IS_RSTALLCARRYIN_INVERTED = 1'b0,
  parameter logic IS_RSTALUMODE_INVERTED = 1'b0, parameter logic IS_RSTA_INVERTED = 1'b0,
  parameter logic IS_RSTB_INVERTED = 1'b0, parameter logic IS_RSTCTRL_INVERTED = 1'b0,
  parameter logic IS_RSTC_INVERTED = 1'b0, parameter logic IS_RSTD_INVERTED = 1'b0,
  parameter logic IS_RSTINMODE_INVERTED = 1'b0, parameter logic IS_RSTM_INVERTED = 1'b0,
  parameter logic IS_RSTP_INVERTED = 1'b0,
  parameter int ACASCREG = 1, parameter int ADREG = 1, parameter int ALUMODEREG = 1,
  parameter int AREG = 1, parameter int BCASCREG = 1, parameter int BREG = 1,
  parameter int CARRYINREG = 1, parameter int CARRYINSELREG = 1, parameter int CREG = 1,
  parameter int DREG = 1, parameter int INMODEREG = 1, parameter int MREG = 1,
  parameter int OPMODEREG = 1, parameter int PREG = 1
) (
  output wire [29:0] ACOUT,
  output wire [17:0] BCOUT,
  output wire CARRYCASCOUT,
  output wire [7:0] CARRYOUT,
  output wire MULTSIGNOUT,
  output wire OVERFLOW,
  output wire [47:0] P,
  output wire PATTERNBDETECT,
  output wire PATTERNDETECT,
  output wire [47:0] PCOUT,
  output wire UNDERFLOW,
  output wire [7:0] XOROUT,
  input  wire [29:0] A,
  input  wire [29:0] ACIN,
  input  wire [3:0] ALUMODE,
  input  wire [17:0] B,
  input  wire [17:0] BCIN,
  input  wire [47:0] C,
  input  wire CARRYCASCIN,
  input  wire CARRYIN,
  input  wire [2:0] CARRYINSEL,
  input  wire CEA1, CEA2, CEAD, CEALUMODE, CEB1, CEB2, CEC, CECARRYIN, CECTRL, CED, CEINMODE,
  input  wire CEM, CEP, CLK,
  input  wire [26:0] D,
  input  wire [4:0] INMODE,
  input  wire MULTSIGNIN,
  input  wire [8:0] OPMODE,
  input  wire [47:0] PCIN,
  input  wire RSTA, RSTALLCARRYIN, RSTALUMODE, RSTB, RSTC, RSTCTRL, RSTD, RSTINMODE, RSTM, RSTP
);
endmodule
