# A recording stand-in of the Vivado commands that our scripts use: no Vivado, only its grammar.
#
# Every call goes to the file that VIVADO_RECORD names: words between tabs. The stand-in knows the pins of the IP
# in use, makes them depend on the configuration as Vivado does, refuses what does not exist or is taken, and
# validate_bd_design refuses a design with an open input. It can't know timing: VIVADO_SLACKS lists what the runs
# of place and route reach in turn; VIVADO_FAIL names a run that fails. VIVADO_RELEASE: old or new catalogue.
# VIVADO_REPORTS: a folder of stored reports.
# VIVADO_BOARDS: the board parts that are installed.

proc record {args} {
  set stream [open $::env(VIVADO_RECORD) a]
  puts $stream [join [lmap word $args {string trim [regsub -all {\s+} $word " "]}] \t]
  close $stream
}

proc setting {name default} {
  return [expr {[info exists ::env($name)] ? $::env($name) : $default}]
}

# Words that begin with a dash and take no value, the others take one; gives {positional options}.
proc parse_options {words flags} {
  set positional {}
  set options {}
  for {set i 0} {$i < [llength $words]} {incr i} {
    set word [lindex $words $i]
    if {![regexp {^-[a-z_]+$} $word]} {
      lappend positional $word
    } elseif {$word in $flags} {
      dict set options $word 1
    } else {
      dict set options $word [lindex $words [incr i]]
    }
  }
  return [list $positional $options]
}

# --- the catalogue -------------------------------------------------------------------------------------------

set catalogue(old) {
  xilinx.com:ip:processing_system7:5.5 xilinx.com:ip:zynq_ultra_ps_e:3.3 xilinx.com:ip:axi_dma:7.1
  xilinx.com:ip:axi_dma:6.0 xilinx.com:ip:axi_interconnect:2.1 xilinx.com:ip:axi_interconnect:1.7
  xilinx.com:ip:smartconnect:1.0 xilinx.com:ip:proc_sys_reset:5.0 xilinx.com:ip:axi_intc:4.1
  xilinx.com:ip:xlconcat:2.1
}
set catalogue(new) {
  xilinx.com:ip:processing_system7:5.10 xilinx.com:ip:processing_system7:5.9 xilinx.com:ip:zynq_ultra_ps_e:3.5
  xilinx.com:ip:axi_dma:7.2 xilinx.com:ip:axi_interconnect:2.2 xilinx.com:ip:smartconnect:1.1
  xilinx.com:ip:proc_sys_reset:5.1 xilinx.com:ip:axi_intc:4.2 xilinx.com:inline_hdl:ilconcat:1.0
}

# Pins by IP: name, direction (I: must be connected, i: may stay open, O), the property it depends on.
set pins(processing_system7) {
  {FCLK_CLK0 O} {FCLK_RESET0_N O} {M_AXI_GP0_ACLK I PCW_USE_M_AXI_GP0} {S_AXI_HP0_ACLK I PCW_USE_S_AXI_HP0}
  {IRQ_F2P I PCW_USE_FABRIC_INTERRUPT}
}
set pins(zynq_ultra_ps_e) {
  {pl_clk0 O PSU__FPGA_PL0_ENABLE} {pl_resetn0 O} {maxihpm0_fpd_aclk I PSU__USE__M_AXI_GP0}
  {maxihpm1_fpd_aclk I PSU__USE__M_AXI_GP1} {maxihpm0_lpd_aclk I PSU__USE__M_AXI_GP2}
  {saxihp0_fpd_aclk I PSU__USE__S_AXI_GP2} {pl_ps_irq0 I PSU__USE__IRQ0}
}
set pins(axi_dma) {
  {s_axi_lite_aclk I} {m_axi_mm2s_aclk I c_include_mm2s} {m_axi_s2mm_aclk I c_include_s2mm} {axi_resetn I}
  {m_axi_sg_aclk I c_include_sg} {mm2s_introut O c_include_mm2s} {s2mm_introut O c_include_s2mm}
  {mm2s_prmry_reset_out_n O} {s2mm_prmry_reset_out_n O}
}
set pins(proc_sys_reset) {
  {slowest_sync_clk I} {ext_reset_in I} {aux_reset_in i} {mb_debug_sys_rst i} {dcm_locked i}
  {mb_reset O} {bus_struct_reset O} {peripheral_reset O} {interconnect_aresetn O} {peripheral_aresetn O}
}
set pins(smartconnect) {{aclk I} {aresetn I}}
set pins(axi_intc) {{s_axi_aclk I} {s_axi_aresetn I} {intr I} {irq O C_IRQ_CONNECTION}}

# Interfaces by IP: name, mode (M, S, or m: a master that may stay open), the property it depends on.
set buses(processing_system7) {
  {DDR m} {FIXED_IO m} {M_AXI_GP0 M PCW_USE_M_AXI_GP0} {S_AXI_HP0 S PCW_USE_S_AXI_HP0}
}
set buses(zynq_ultra_ps_e) {
  {M_AXI_HPM0_FPD M PSU__USE__M_AXI_GP0} {M_AXI_HPM1_FPD M PSU__USE__M_AXI_GP1}
  {M_AXI_HPM0_LPD M PSU__USE__M_AXI_GP2} {S_AXI_HP0_FPD S PSU__USE__S_AXI_GP2}
}
set buses(axi_dma) {
  {S_AXI_LITE S} {M_AXI_SG M c_include_sg} {M_AXI_MM2S M c_include_mm2s} {M_AXI_S2MM M c_include_s2mm}
  {M_AXIS_MM2S M c_include_mm2s} {S_AXIS_S2MM S c_include_s2mm} {M_AXIS_CNTRL M c_sg_include_stscntrl_strm}
}
set buses(proc_sys_reset) {}
set buses(axi_intc) {{s_axi S}}

set defaults {
  PCW_USE_M_AXI_GP0 1 PCW_USE_S_AXI_HP0 0 PCW_USE_FABRIC_INTERRUPT 0
  PSU__FPGA_PL0_ENABLE 1 PSU__USE__M_AXI_GP0 1 PSU__USE__M_AXI_GP1 1 PSU__USE__M_AXI_GP2 0
  PSU__USE__S_AXI_GP2 0 PSU__USE__IRQ0 0
  c_include_sg 1 c_include_mm2s 1 c_include_s2mm 1 c_sg_include_stscntrl_strm 1
  NUM_SI 1 NUM_MI 1 NUM_PORTS 2 C_IRQ_CONNECTION 0
}

set spaces(axi_dma) {Data_MM2S Data_S2MM}
set spaces(processing_system7) {Data}
set spaces(zynq_ultra_ps_e) {Data}
set segments(axi_dma) {S_AXI_LITE/Reg}
set segments(axi_intc) {S_AXI/Reg}
set segments(processing_system7) {S_AXI_HP0/HP0_DDR_LOWOCM}
set segments(zynq_ultra_ps_e) {SAXIGP2/HP0_DDR_LOW SAXIGP2/HP0_DDR_HIGH SAXIGP2/HP0_LPS_OCM SAXIGP2/HP0_QSPI}

array set module_pins {}
array set module_buses {}
array set vlnv_of {}
array set property {}
array set driver {}
array set partner {}
set packaged {}
set added {}
set project {}
set folder {}
set attempts 0

# --- projects and packaging ----------------------------------------------------------------------------------

proc create_project {args} {
  record create_project {*}$args
  lassign [parse_options $args {-force}] positional options
  lassign $positional name place
  if {$::project ne {}} {error "ERROR: \[Coretcl 2-1] a project is open"}
  file mkdir $place
  set ::project $name
  set ::folder $place
  set ::added {}
  unset -nocomplain ::property(project)
}

proc close_project {} {record close_project; set ::project {}}
proc current_project {} {return project}
proc current_fileset {} {return sources_1}
proc get_filesets {name} {return $name}
proc get_files {name} {return $name}
proc update_compile_order {args} {record update_compile_order {*}$args}
proc update_ip_catalog {} {record update_ip_catalog}

proc add_files {args} {
  record add_files {*}$args
  lassign [parse_options $args {-norecurse}] positional options
  foreach path [lindex $positional 0] {
    if {![file isfile $path]} {error "ERROR: \[Vivado 12-172] File or Directory '$path' does not exist"}
    lappend ::added $path
  }
}

# Ports of the module `name` as the packager sees them, from the Verilog itself.
proc read_module {name} {
  foreach path $::added {
    set stream [open $path r]
    set text [read $stream]
    close $stream
    if {![regexp "\nmodule ${name}\\M" $text]} continue
    if {[file extension $path] ne ".v"} {error "ERROR: \[IP_Flow 19-5226] the top file of an IP can't be $path"}
    set buses {}
    set ::module_pins($name) {}
    foreach {all interface port direction kind bus signal} {} {}
    set matches [regexp -all -inline {X_INTERFACE_INFO = "xilinx.com:(interface|signal):(\w+):1.0 (\w+) (\w+)" \*\)\s+(?:\(\*[^*]*\*\)\s+)?(input|output)\s+wire\s+(?:\[[^\]]*\]\s+)?(\w+)} $text]
    foreach {all group kind bus signal direction port} $matches {
      if {$group eq "signal"} {
        lappend ::module_pins($name) [list $port [expr {$direction eq "input" ? "I" : "O"}]]
      } else {
        dict set buses $bus $signal $direction
      }
    }
    set ::module_buses($name) {}
    dict for {bus signals} $buses {
      foreach signal {TDATA TVALID TREADY TLAST} {
        if {![dict exists $signals $signal]} {error "bus $bus of $name has no $signal"}
      }
      lappend ::module_buses($name) [list $bus [expr {[dict get $signals TVALID] eq "input" ? "S" : "M"}]]
    }
    return
  }
  error "ERROR: \[IP_Flow 19-1] no module $name among the files of the project"
}

namespace eval ipx {
  proc package_project {args} {
    record ipx::package_project {*}$args
    lassign [parse_options $args {-import_files -force}] positional options
    if {![info exists ::property(sources_1,top)]} {error "ERROR: no top module"}
    set ::core $::property(sources_1,top)
    read_module $::core
    set place [dict get $options -root_dir]
    file mkdir $place
    dict set ::packaged $place [dict get $options -vendor]:[dict get $options -library]:$::core:1.0
  }
  proc current_core {} {return core}
  proc get_bus_interfaces {args} {
    lassign [parse_options $args {-quiet}] positional options
    set names [concat [lmap bus $::module_buses($::core) {lindex $bus 0}] [lmap pin $::module_pins($::core) {lindex $pin 0}]]
    return [lsearch -all -inline -exact $names [lindex $positional 0]]
  }
  foreach name {associate_bus_interfaces create_xgui_files update_checksums check_integrity save_core} {
    proc $name {args} "record ipx::$name {*}\$args"
  }
}

proc get_ipdefs {args} {
  lassign [parse_options $args {-quiet -all}] positional options
  set known $::catalogue([setting VIVADO_RELEASE old])
  if {[info exists ::property(project,ip_repo_paths)]} {
    foreach place $::property(project,ip_repo_paths) {
      if {[dict exists $::packaged $place]} {
        lappend known [dict get $::packaged $place]
      } elseif {[file exists [file join $place component.xml]]} {
        lappend known pixelmend:hls:pixelmend:1.0
        set ::module_pins(pixelmend) {{ap_clk I} {ap_rst_n I}}
        set ::module_buses(pixelmend) {{s_axis S} {m_axis M}}
      } else {
        error "ERROR: \[IP_Flow 19-3656] no IP in the repository $place"
      }
    }
  }
  set found [lsearch -all -inline -glob $known [lindex $positional 0]]
  record get_ipdefs {*}$args
  # Our own IP name no context of use; a filter leaves them out.
  if {[dict exists $options -filter]} {
    set found [lsearch -all -inline -glob $found xilinx.com:i*]
  }
  return $found
}

proc get_board_parts {args} {
  record get_board_parts {*}$args
  lassign [parse_options $args {-quiet -latest_file_version}] positional options
  return [lsearch -all -inline -glob [setting VIVADO_BOARDS {}] [lindex $positional 0]]
}

# --- properties ----------------------------------------------------------------------------------------------

proc set_property {args} {
  record set_property {*}$args
  if {[lindex $args 0] eq "-dict"} {
    lassign $args dash values objects
  } else {
    lassign $args name value objects
    set values [list $name $value]
  }
  if {[llength $objects] == 0} {error "ERROR: \[Common 17-165] set_property: no objects"}
  foreach object $objects {
    foreach {name value} $values {
      if {$name eq "board_connections" && [setting VIVADO_CARRIER ""] eq ""} {error "ERROR: no such carrier"}
      set ::property($object,$name) $value
    }
  }
}

proc get_property {args} {
  lassign [parse_options $args {-quiet}] positional options
  lassign $positional name object
  if {[info exists ::property($object,$name)]} {return $::property($object,$name)}
  if {[string match *ACT_* $name]} {return 99.999985}
  return ""
}

# --- the block design ----------------------------------------------------------------------------------------

proc kind_of {cell} {return [lindex [split $::vlnv_of($cell) :] 2]}

proc configured {cell name} {
  if {[info exists ::property($cell,CONFIG.$name)]} {return $::property($cell,CONFIG.$name)}
  return [dict get $::defaults $name]
}

# What a cell has now, given its configuration.
proc present {cell table} {
  set result {}
  foreach entry $table {
    lassign $entry name mode condition
    if {$condition eq "" || [configured $cell $condition]} {lappend result [list $name $mode]}
  }
  return $result
}

proc numbered {cell suffix mode} {
  set result {}
  foreach {letter count} {S NUM_SI M NUM_MI} {
    for {set i 0} {$i < [configured $cell $count]} {incr i} {
      lappend result [list [format %s%02d_%s $letter $i $suffix] [expr {$mode eq "" ? $letter : $mode}]]
    }
  }
  return $result
}

proc pins_of {cell} {
  set kind [kind_of $cell]
  if {[info exists ::module_pins($kind)]} {return $::module_pins($kind)}
  switch $kind {
    axi_interconnect {return [concat {{ACLK I} {ARESETN I}} [numbered $cell ACLK I] [numbered $cell ARESETN I]]}
    xlconcat - ilconcat {
      set result {{dout O}}
      for {set i 0} {$i < [configured $cell NUM_PORTS]} {incr i} {lappend result [list In$i I]}
      return $result
    }
  }
  return [present $cell $::pins($kind)]
}

proc buses_of {cell} {
  set kind [kind_of $cell]
  if {[info exists ::module_buses($kind)]} {return $::module_buses($kind)}
  switch $kind {
    axi_interconnect - smartconnect {return [numbered $cell AXI ""]}
    xlconcat - ilconcat {return {}}
  }
  return [present $cell $::buses($kind)]
}

proc create_bd_design {name} {record create_bd_design $name}
proc regenerate_bd_layout {} {}
proc save_bd_design {} {record save_bd_design}

proc create_bd_cell {args} {
  record create_bd_cell {*}$args
  lassign [parse_options $args {}] positional options
  set name [lindex $positional 0]
  set vlnv [dict get $options -vlnv]
  if {[info exists ::vlnv_of($name)]} {error "ERROR: \[BD 5-2] cell $name exists"}
  if {[llength [split $vlnv :]] != 4 || [string match *\\** $vlnv]} {error "ERROR: \[BD 5-216] VLNV <$vlnv> not supported"}
  set ::vlnv_of($name) $vlnv
  return $name
}

proc get_bd_cells {name} {
  if {![info exists ::vlnv_of($name)]} {error "ERROR: \[BD 5-235] no cell $name"}
  return $name
}

proc find_end {what path table quiet} {
  lassign [split $path /] cell name
  if {[info exists ::vlnv_of($cell)]} {
    foreach entry [$table $cell] {
      if {[lindex $entry 0] eq $name} {return $path}
    }
  }
  if {$quiet} {return {}}
  error "ERROR: \[BD 5-232] no $what '$path'"
}

proc get_bd_pins {args} {
  lassign [parse_options $args {-quiet}] positional options
  return [find_end pin [lindex $positional 0] pins_of [dict exists $options -quiet]]
}

proc get_bd_intf_pins {args} {
  lassign [parse_options $args {-quiet}] positional options
  return [find_end interface [lindex $positional 0] buses_of [dict exists $options -quiet]]
}

proc mode_of {path table} {
  lassign [split $path /] cell name
  return [lindex [lsearch -inline -index 0 -exact [$table $cell] $name] 1]
}

proc connect_bd_net {from to} {
  record connect_bd_net $from $to
  if {[mode_of $from pins_of] ne "O"} {error "ERROR: \[BD 5-235] $from does not drive"}
  if {[mode_of $to pins_of] eq "O"} {error "ERROR: \[BD 41-758] $to has two drivers"}
  if {[info exists ::driver($to)]} {error "ERROR: \[BD 41-758] $to has two drivers"}
  set ::driver($to) $from
}

proc connect_bd_intf_net {from to} {
  record connect_bd_intf_net $from $to
  if {[mode_of $from buses_of] ni {M m} || [mode_of $to buses_of] ne "S"} {error "ERROR: \[BD 41-171] $from to $to"}
  foreach end [list $from $to] {
    if {[info exists ::partner($end)]} {error "ERROR: \[BD 41-171] $end is connected"}
  }
  set ::partner($from) $to
  set ::partner($to) $from
}

proc apply_bd_automation {args} {
  record apply_bd_automation {*}$args
  lassign [parse_options $args {}] positional options
  if {[dict get $options -config] eq {} || [llength $positional] != 1} {error "ERROR: \[BD 5-1] automation"}
}

proc get_bd_addr_spaces {path} {
  lassign [split $path /] cell name
  if {$name ni $::spaces([kind_of $cell])} {error "ERROR: \[BD 5-3] no address space $path"}
  return $path
}

proc get_bd_addr_segs {args} {
  lassign [parse_options $args {-quiet}] positional options
  set path [lindex $positional 0]
  set cell [lindex [split $path /] 0]
  if {[join [lrange [split $path /] 1 end] /] in $::segments([kind_of $cell])} {return $path}
  if {[dict exists $options -quiet]} {return {}}
  error "ERROR: \[BD 5-3] no address segment $path"
}

proc assign_bd_address {args} {record assign_bd_address {*}$args}
proc exclude_bd_addr_seg {args} {record exclude_bd_addr_seg {*}$args}

proc validate_bd_design {} {
  record validate_bd_design
  foreach cell [lsort [array names ::vlnv_of]] {
    foreach pin [pins_of $cell] {
      lassign $pin name mode
      if {$mode eq "I" && ![info exists ::driver($cell/$name)]} {error "ERROR: \[BD 41-703] $cell/$name is not connected"}
    }
    foreach bus [buses_of $cell] {
      lassign $bus name mode
      if {$mode ne "m" && ![info exists ::partner($cell/$name)]} {error "ERROR: \[BD 41-703] $cell/$name is not connected"}
    }
  }
}

# --- runs ----------------------------------------------------------------------------------------------------

proc generate_target {args} {
  record generate_target {*}$args
  set place [file join $::folder $::project.gen sources_1 bd pixelmend_shell hw_handoff]
  if {[setting VIVADO_RELEASE old] eq "old"} {
    set place [file join $::folder $::project.srcs sources_1 bd pixelmend_shell hw_handoff]
  }
  file mkdir $place
  set stream [open [file join $place pixelmend_shell.hwh] w]
  puts $stream "handoff of the stand-in"
  close $stream
}

proc make_wrapper {args} {record make_wrapper {*}$args}
proc get_runs {name} {return $name}
proc reset_run {name} {record reset_run $name}
proc open_run {name} {record open_run $name}
proc close_design {} {record close_design}
proc wait_on_run {name} {record wait_on_run $name}

proc launch_runs {args} {
  record launch_runs {*}$args
  set run [lindex $args 0]
  set place [file join $::folder $::project.runs $run]
  file mkdir $place
  set ::property($run,DIRECTORY) $place
  if {[setting VIVADO_FAIL ""] eq $run} {
    set ::property($run,PROGRESS) 30%
    set ::property($run,STATUS) "place_design ERROR"
    set stream [open [file join $place runme.log] w]
    puts $stream "ERROR: \[Place 30-640] more RAMB36 than there are"
    close $stream
    return
  }
  set ::property($run,PROGRESS) 100%
  set ::property($run,STATUS) "write_bitstream Complete!"
  if {$run eq "impl_1"} {
    set ::property(impl_1,STATS.WNS) [lindex [setting VIVADO_SLACKS 0.1] $::attempts]
    set ::property(impl_1,STATS.WHS) 0.02
    incr ::attempts
    set stream [open [file join $place pixelmend_shell_wrapper.bit] w]
    puts $stream "bits of the stand-in, attempt $::attempts"
    close $stream
  }
}

# A stored report where VIVADO_REPORTS names their folder; else a line that tells which attempt it is of.
proc write_report {name args} {
  lassign [parse_options $args {-hierarchical}] positional options
  set path [dict get $options -file]
  set stored [file join [setting VIVADO_REPORTS ""] $name]
  if {[file isfile $stored]} {
    file copy -force $stored $path
    return
  }
  set stream [open $path w]
  puts $stream "attempt $::attempts"
  close $stream
}

proc report_utilization {args} {
  record report_utilization {*}$args
  write_report utilization_zynq7.rpt {*}$args
}

proc report_timing_summary {args} {
  record report_timing_summary {*}$args
  set met [expr {[get_property STATS.WNS impl_1] >= 0}]
  write_report timing_[expr {$met ? "met" : "missed"}].rpt {*}$args
}
