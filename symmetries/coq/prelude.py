"""The part of an exported file that is the same for every loss: derivatives along a line, proved from the library."""

from __future__ import annotations

PRELUDE = r"""
(* A curve f has the value v at time 0, and there the derivative d *)
Definition jet (f : R -> R) (v d : R) : Prop := f 0 = v /\ derivable_pt_lim f 0 d.
Lemma jet_value f v d e : jet f v d -> d = e -> jet f v e.
Proof. intros H E. rewrite <- E. exact H. Qed.
Lemma jet_ext f g v d : (forall t, f t = g t) -> jet f v d -> jet g v d.
Proof.
  intros E [H0 H]. split. { rewrite <- E. exact H0. }
  intros eps He. destruct (H eps He) as [delta Hd]. exists delta.
  intros h Hh Hl. rewrite <- !E. exact (Hd h Hh Hl).
Qed.
Lemma jet_constant c : jet (fun _ => c) c 0.
Proof. split; [reflexivity | apply derivable_pt_lim_const]. Qed.
Lemma jet_line x a : jet (fun t => x + t * a) x a.
Proof.
  split; [ring | ].
  intros eps He. exists (mkposreal 1 Rlt_0_1). intros h Hh _.
  replace ((x + (0 + h) * a - (x + 0 * a)) / h - a) with 0 by (field; exact Hh).
  rewrite Rabs_R0. exact He.
Qed.
Lemma jet_add f g a b a' b' : jet f a a' -> jet g b b' -> jet (fun t => f t + g t) (a + b) (a' + b').
Proof. intros [F F'] [G G']. split; [now rewrite F, G | exact (derivable_pt_lim_plus f g 0 a' b' F' G')]. Qed.
Lemma jet_opp f a a' : jet f a a' -> jet (fun t => - f t) (- a) (- a').
Proof. intros [F F']. split; [now rewrite F | exact (derivable_pt_lim_opp f 0 a' F')]. Qed.
Lemma jet_sub f g a b a' b' : jet f a a' -> jet g b b' -> jet (fun t => f t - g t) (a - b) (a' - b').
Proof. intros [F F'] [G G']. split; [now rewrite F, G | exact (derivable_pt_lim_minus f g 0 a' b' F' G')]. Qed.
Lemma jet_mul f g a b a' b' : jet f a a' -> jet g b b' -> jet (fun t => f t * g t) (a * b) (a' * b + a * b').
Proof.
  intros [F F'] [G G']. split; [now rewrite F, G | ].
  rewrite <- F, <- G. exact (derivable_pt_lim_mult f g 0 a' b' F' G').
Qed.
Lemma jet_scale c f a a' : jet f a a' -> jet (fun t => c * f t) (c * a) (c * a').
Proof. intros [F F']. split; [now rewrite F | exact (derivable_pt_lim_scal f c 0 a' F')]. Qed.
Lemma jet_compose (h : R -> R) f a a' s : jet f a a' -> derivable_pt_lim h a s -> jet (fun t => h (f t)) (h a) (s * a').
Proof.
  intros [F F'] H. split; [now rewrite F | ].
  rewrite <- F in H. exact (derivable_pt_lim_comp f h 0 a' s F' H).
Qed.
Lemma jet_pow n f a a' : jet f a a' -> jet (fun t => f t ^ S n) (a ^ S n) (IZR (Z.of_nat (S n)) * a ^ n * a').
Proof.
  intro F. rewrite <- INR_IZR_INZ. apply (jet_compose (fun x => x ^ S n)); [exact F | ].
  exact (derivable_pt_lim_pow a (S n)).
Qed.
Lemma jet_square f a a' : jet f a a' -> jet (fun t => f t ^ 2) (a ^ 2) (2 * a * a').
Proof. intro F. eapply jet_value; [exact (jet_pow 1 f a a' F) | simpl; ring]. Qed.
Lemma jet_inv f a a' : a <> 0 -> jet f a a' -> jet (fun t => / f t) (/ a) (- (a' * (/ a * / a))).
Proof.
  intros Ha [F F']. split; [now rewrite F | ].
  assert (H0 : f 0 <> 0) by (rewrite F; exact Ha).
  replace (- (a' * (/ a * / a))) with ((0 * f 0 - a' * 1) / Rsqr (f 0)) by (rewrite F; unfold Rsqr; field; exact Ha).
  pose proof (derivable_pt_lim_div (fct_cte 1) f 0 0 a' (derivable_pt_lim_const 1 0) F' H0) as D.
  intros eps He. destruct (D eps He) as [delta Hd]. exists delta. intros h Hh Hl.
  specialize (Hd h Hh Hl). unfold div_fct, fct_cte in Hd. unfold Rdiv in *. rewrite !Rmult_1_l in Hd.
  rewrite Rmult_1_r. rewrite Rmult_1_r in Hd. exact Hd.
Qed.
Lemma jet_exp f a a' : jet f a a' -> jet (fun t => exp (f t)) (exp a) (exp a * a').
Proof. intro F. apply (jet_compose exp); [exact F | apply derivable_pt_lim_exp]. Qed.
Lemma jet_ln f a a' : 0 < a -> jet f a a' -> jet (fun t => ln (f t)) (ln a) (/ a * a').
Proof. intros H F. apply (jet_compose ln); [exact F | now apply derivable_pt_lim_ln]. Qed.
Lemma jet_sin f a a' : jet f a a' -> jet (fun t => sin (f t)) (sin a) (cos a * a').
Proof. intro F. apply (jet_compose sin); [exact F | apply derivable_pt_lim_sin]. Qed.
Lemma jet_cos f a a' : jet f a a' -> jet (fun t => cos (f t)) (cos a) (- sin a * a').
Proof. intro F. apply (jet_compose cos); [exact F | apply derivable_pt_lim_cos]. Qed.
Lemma jet_sqrt f a a' : 0 < a -> jet f a a' -> jet (fun t => sqrt (f t)) (sqrt a) (/ 2 * / sqrt a * a').
Proof.
  intros H F. rewrite <- Rinv_mult. apply (jet_compose sqrt); [exact F | now apply derivable_pt_lim_sqrt]. Qed.
Lemma jet_rpower c f a a' :
  0 < a -> jet f a a' -> jet (fun t => Rpower (f t) c) (Rpower a c) (c * Rpower a c * / a * a').
Proof.
  intros H F.
  replace (c * Rpower a c * / a) with (c * Rpower a (c - 1)).
  - apply (jet_compose (fun x => Rpower x c)); [exact F | now apply derivable_pt_lim_power].
  - unfold Rminus. rewrite Rpower_plus, Rpower_Ropp, (Rpower_1 a H). ring.
Qed.
Lemma jet_atan f a a' : jet f a a' -> jet (fun t => atan (f t)) (atan a) (/ (1 + a ^ 2) * a').
Proof. intro F. apply (jet_compose atan); [exact F | exact (derivable_pt_lim_atan a)]. Qed.
Lemma jet_tanh f a a' : jet f a a' -> jet (fun t => tanh (f t)) (tanh a) ((1 - tanh a * tanh a) * a').
Proof.
  intro F. apply (jet_compose tanh); [exact F | ].
  assert (P : cosh a <> 0) by (unfold cosh; pose proof (exp_pos a); pose proof (exp_pos (- a)); lra).
  pose proof (derivable_pt_lim_div sinh cosh a _ _ (derivable_pt_lim_sinh a) (derivable_pt_lim_cosh a) P) as D.
  replace (1 - tanh a * tanh a) with ((cosh a * cosh a - sinh a * sinh a) / Rsqr (cosh a)).
  - exact D.
  - unfold tanh, Rsqr. field. exact P.
Qed.

(* The unit step, by which functions with a kink are written *)
Definition step (x : R) : R := if Rlt_dec 0 x then 1 else 0.
Lemma max_step a b : Rmax a b = step (a - b) * a + (1 - step (a - b)) * b.
Proof.
  unfold step. destruct (Rlt_dec 0 (a - b)).
  - rewrite Rmax_left; lra.
  - rewrite Rmax_right; lra.
Qed.
Lemma min_step a b : Rmin a b = (1 - step (a - b)) * a + step (a - b) * b.
Proof.
  unfold step. destruct (Rlt_dec 0 (a - b)).
  - rewrite Rmin_right; lra.
  - rewrite Rmin_left; lra.
Qed.
Lemma abs_step a : Rabs a = (2 * step a - 1) * a.
Proof.
  unfold step. destruct (Rlt_dec 0 a).
  - rewrite Rabs_right; lra.
  - rewrite Rabs_left1; lra.
Qed.
Lemma step_idempotent a : step a * step a = step a.
Proof. unfold step. destruct (Rlt_dec 0 a); ring. Qed.

Lemma near f g (a a' : R) :
  jet f a a' -> (exists delta : posreal, forall h, Rabs h < delta -> f h = g h) -> jet g a a'.
Proof.
  intros [F F'] [rho E]. split.
  - rewrite <- E; [exact F | rewrite Rabs_R0; apply cond_pos].
  - intros eps He. destruct (F' eps He) as [delta Hd].
    assert (P : 0 < Rmin delta rho) by (apply Rmin_glb_lt; apply cond_pos).
    exists (mkposreal _ P). simpl. intros h Hh Hl.
    rewrite Rplus_0_l in *. rewrite <- !E.
    + specialize (Hd h Hh). rewrite Rplus_0_l in Hd. apply Hd.
      apply Rlt_le_trans with (1 := Hl). apply Rmin_l.
    + rewrite Rabs_R0; apply cond_pos.
    + apply Rlt_le_trans with (1 := Hl). apply Rmin_r.
Qed.
Lemma near_zero f : jet f 0 0 -> forall g, (forall t, Rabs (g t) <= Rabs (f t)) -> jet g 0 0.
Proof.
  intros [F F'] g G.
  assert (Z : g 0 = 0).
  { specialize (G 0). rewrite F, Rabs_R0 in G.
    destruct (Req_dec (g 0) 0) as [Z | N]; [exact Z | ].
    pose proof (Rabs_pos_lt _ N). lra. }
  split; [exact Z | ].
  intros eps He. destruct (F' eps He) as [delta Hd]. exists delta. intros h Hh Hl.
  specialize (Hd h Hh Hl). rewrite Rplus_0_l in *. rewrite F in Hd. rewrite Z.
  unfold Rdiv in *. rewrite !Rminus_0_r in *. rewrite Rabs_mult in *.
  apply Rle_lt_trans with (2 := Hd). apply Rmult_le_compat_r; [apply Rabs_pos | apply G].
Qed.
Lemma keeps_sign f a a' : jet f a a' -> 0 < a -> exists delta : posreal, forall h, Rabs h < delta -> 0 < f h.
Proof.
  intros [F F'] P.
  pose proof (derivable_continuous_pt f 0 (exist _ a' F')) as C.
  destruct (C a P) as [alp [Ha Hc]]. exists (mkposreal alp Ha). simpl. intros h Hh.
  destruct (Req_dec h 0) as [-> | N]; [now rewrite F | ].
  specialize (Hc h). unfold D_x, no_cond, dist in Hc. simpl in Hc. unfold R_dist in Hc.
  rewrite Rminus_0_r, F in Hc.
  assert (Q : Rabs (f h - a) < a) by (apply Hc; repeat split; auto).
  apply Rabs_def2 in Q. lra.
Qed.
(* max(f, 0), off its kink, or where f rests on it *)
Lemma jet_positive_part f a a' :
  a <> 0 \/ a' = 0 -> jet f a a' -> jet (fun t => Rmax (f t) 0) (Rmax a 0) (step a * a').
Proof.
  intros K F. destruct (Rtotal_order a 0) as [N | [Z | P]].
  - destruct (keeps_sign (fun t => - f t) (- a) (- a') (jet_opp _ _ _ F)) as [delta E]; [lra | ].
    replace (step a * a') with 0 by (unfold step; destruct (Rlt_dec 0 a); lra).
    rewrite Rmax_right by lra.
    apply near with (fun _ => 0); [apply jet_constant | ].
    exists delta. intros h Hh. specialize (E h Hh). rewrite Rmax_right; lra.
  - subst a. assert (a' = 0) by (destruct K; [congruence | assumption]). subst a'.
    rewrite Rmult_0_r, Rmax_left by lra. apply (near_zero f F).
    intro t. unfold Rmax. destruct (Rle_dec (f t) 0); [rewrite Rabs_R0; apply Rabs_pos | lra].
  - destruct (keeps_sign f a a' F P) as [delta E].
    replace (step a * a') with a' by (unfold step; destruct (Rlt_dec 0 a); lra).
    rewrite Rmax_left by lra.
    apply near with f; [exact F | ].
    exists delta. intros h Hh. specialize (E h Hh). rewrite Rmax_left; lra.
Qed.
Lemma jet_max f g a b a' b' : a - b <> 0 \/ a' - b' = 0 -> jet f a a' -> jet g b b' ->
  jet (fun t => Rmax (f t) (g t)) (Rmax a b) (step (a - b) * a' + (1 - step (a - b)) * b').
Proof.
  intros K F G.
  pose proof (jet_add _ _ _ _ _ _ (jet_positive_part _ _ _ K (jet_sub _ _ _ _ _ _ F G)) G) as H.
  apply jet_ext with (fun t => Rmax (f t - g t) 0 + g t).
  { intro t. unfold Rmax. destruct (Rle_dec (f t - g t) 0), (Rle_dec (f t) (g t)); lra. }
  replace (Rmax a b) with (Rmax (a - b) 0 + b).
  { eapply jet_value; [exact H | ring]. }
  unfold Rmax. destruct (Rle_dec (a - b) 0), (Rle_dec a b); lra.
Qed.
Lemma jet_min f g a b a' b' : a - b <> 0 \/ a' - b' = 0 -> jet f a a' -> jet g b b' ->
  jet (fun t => Rmin (f t) (g t)) (Rmin a b) ((1 - step (a - b)) * a' + step (a - b) * b').
Proof.
  intros K F G.
  pose proof (jet_sub _ _ _ _ _ _ F (jet_positive_part _ _ _ K (jet_sub _ _ _ _ _ _ F G))) as H.
  apply jet_ext with (fun t => f t - Rmax (f t - g t) 0).
  { intro t. unfold Rmax, Rmin. destruct (Rle_dec (f t - g t) 0), (Rle_dec (f t) (g t)); lra. }
  replace (Rmin a b) with (a - Rmax (a - b) 0).
  { eapply jet_value; [exact H | ring]. }
  unfold Rmax, Rmin. destruct (Rle_dec (a - b) 0), (Rle_dec a b); lra.
Qed.
Lemma jet_abs f a a' : a <> 0 \/ a' = 0 -> jet f a a' ->
  jet (fun t => Rabs (f t)) (Rabs a) ((2 * step a - 1) * a').
Proof.
  intros K F.
  pose proof (jet_sub _ _ _ _ _ _ (jet_scale 2 _ _ _ (jet_positive_part _ _ _ K F)) F) as H.
  apply jet_ext with (fun t => 2 * Rmax (f t) 0 - f t).
  { intro t. unfold Rmax, Rabs. destruct (Rle_dec (f t) 0), (Rcase_abs (f t)); lra. }
  replace (Rabs a) with (2 * Rmax a 0 - a).
  { eapply jet_value; [exact H | ring]. }
  unfold Rmax, Rabs. destruct (Rle_dec a 0), (Rcase_abs a); lra.
Qed.
(* a kink does no harm where the derivative is a multiple of the argument *)
Lemma kink_multiple k a a' : a' = k * a -> a <> 0 \/ a' = 0.
Proof. intro E. destruct (Req_dec a 0) as [Z | N]; [right; rewrite E, Z; ring | now left]. Qed.
Lemma jet_max0 f a a' : a <> 0 \/ a' = 0 -> jet f a a' -> jet (fun t => Rmax (f t) 0) (Rmax a 0) (step a * a').
Proof. exact (jet_positive_part f a a'). Qed.
Lemma jet_min0 f a a' :
  a <> 0 \/ a' = 0 -> jet f a a' -> jet (fun t => Rmin (f t) 0) (Rmin a 0) ((1 - step a) * a').
Proof.
  intros K F.
  pose proof (jet_sub _ _ _ _ _ _ F (jet_positive_part _ _ _ K F)) as H.
  apply jet_ext with (fun t => f t - Rmax (f t) 0).
  { intro t. unfold Rmax, Rmin. destruct (Rle_dec (f t) 0); lra. }
  replace (Rmin a 0) with (a - Rmax a 0).
  { eapply jet_value; [exact H | ring]. }
  unfold Rmax, Rmin. destruct (Rle_dec a 0); lra.
Qed.
Lemma max0_step a : Rmax a 0 = step a * a.
Proof. unfold step. destruct (Rlt_dec 0 a); [rewrite Rmax_left | rewrite Rmax_right]; lra. Qed.
Lemma min0_step a : Rmin a 0 = (1 - step a) * a.
Proof. unfold step. destruct (Rlt_dec 0 a); [rewrite Rmin_right | rewrite Rmin_left]; lra. Qed.

(* Facts about the atoms *)
Lemma inverse_relation a : a <> 0 -> a * / a = 1.
Proof. exact (Rinv_r a). Qed.
Lemma sqrt_relation a : 0 <= a -> sqrt a ^ 2 = a.
Proof. intro H. simpl. rewrite Rmult_1_r. exact (sqrt_sqrt a H). Qed.
Lemma step_relation a : step a ^ 2 = step a.
Proof. simpl. rewrite Rmult_1_r. exact (step_idempotent a). Qed.
Lemma circle_relation a : sin a ^ 2 = 1 - cos a ^ 2.
Proof. pose proof (sin2_cos2 a) as E. unfold Rsqr in E. simpl. lra. Qed.
Lemma exp_relation a b : a + b = 0 -> exp a * exp b = 1.
Proof. intro E. rewrite <- exp_plus, E. exact exp_0. Qed.
Lemma positive_nonzero a : 0 < a -> a <> 0.
Proof. intro H. apply Rgt_not_eq. exact H. Qed.
Lemma by_cofactors a b c : a - b = c -> c = 0 -> a = b.
Proof. intros E Z. apply Rminus_diag_uniq. rewrite E. exact Z. Qed.
Lemma combine q a b s : a = b -> s = 0 -> q * (a - b) + s = 0.
Proof. intros E Z. rewrite E, Z. ring. Qed.
Lemma max0_nonnegative a : 0 <= Rmax a 0.
Proof. exact (Rmax_r a 0). Qed.

Arguments jet_constant c : assert.
Arguments jet_line x a : assert.
Arguments jet_add {f g a b a' b'} _ _.
Arguments jet_sub {f g a b a' b'} _ _.
Arguments jet_mul {f g a b a' b'} _ _.
Arguments jet_opp {f a a'} _.
Arguments jet_scale c {f a a'} _.
Arguments jet_pow n {f a a'} _.
Arguments jet_square {f a a'} _.
Arguments jet_inv {f a a'} _ _.
Arguments jet_exp {f a a'} _.
Arguments jet_ln {f a a'} _ _.
Arguments jet_sin {f a a'} _.
Arguments jet_cos {f a a'} _.
Arguments jet_tanh {f a a'} _.
Arguments jet_atan {f a a'} _.
Arguments jet_sqrt {f a a'} _ _.
Arguments jet_rpower c {f a a'} _ _.
Arguments jet_abs {f a a'} _ _.
Arguments jet_max0 {f a a'} _ _.
Arguments jet_min0 {f a a'} _ _.
Arguments jet_max {f g a b a' b'} _ _ _.
Arguments jet_min {f g a b a' b'} _ _ _.
"""
"""The lemmas on derivatives along a line, and on functions with a kink."""
